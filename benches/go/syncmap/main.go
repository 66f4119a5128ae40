// Syncmap does what the suite `shared` asks of a map, with sync.Map.
//
// The first argument names the clock: cpu for rows on one thread, so that the
// collector's work counts, and wall for the others.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"millpond/bench/peer"
)

// Kinds of calls, as the runner writes them.
const (
	read = iota
	insert
	remove
	update
)

// script is the calls of one thread.
type script struct {
	filled []uint64
	kinds  []byte
	keys   []uint64
}

var scripts []script

func main() {
	clock := peer.Wall
	if len(os.Args) > 1 && os.Args[1] == "cpu" {
		clock = peer.CPU
	}
	peer.Serve(clock, func(words []string) func() peer.Answer {
		verify()
		verify = func() {}
		switch words[0] {
		case "load":
			scripts = load(words[1])
			return func() peer.Answer { return peer.Answer{} }
		case "mix":
			return mix()
		case "counts":
			return counts(number(words[1]), number(words[2]), number(words[3]), number(words[4]))
		case "clear":
			return clearing(number(words[1]))
		}
		panic("unknown question " + words[0])
	})
}

// verify counts the entries that the last batch left, which took no part in its time.
var verify = func() {}

// expect makes the next question verify that m has that many entries.
func expect(m *sync.Map, entries uint64) {
	verify = func() {
		if left := size(m); left != entries {
			panic(fmt.Sprint("a map has ", left, " entries, right is ", entries))
		}
	}
}

func number(word string) uint64 {
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// load reads what the runner wrote: for each thread two lengths, then the keys
// to start with, the kinds of the calls, and their keys.
func load(path string) []script {
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	var all []script
	for {
		var lengths [2]uint64
		if err := binary.Read(in, binary.LittleEndian, &lengths); err == io.EOF {
			return all
		} else if err != nil {
			panic(err)
		}
		s := script{
			filled: make([]uint64, lengths[0]),
			kinds:  make([]byte, lengths[1]),
			keys:   make([]uint64, lengths[1]),
		}
		for _, part := range []any{s.filled, s.kinds, s.keys} {
			if err := binary.Read(in, binary.LittleEndian, part); err != nil {
				panic(err)
			}
		}
		all = append(all, s)
	}
}

func size(m *sync.Map) (entries uint64) {
	m.Range(func(any, any) bool {
		entries++
		return true
	})
	return
}

// onThreads runs work once for each thread and returns the sum.
func onThreads(threads int, work func(thread int) uint64) uint64 {
	if threads == 1 {
		return work(0)
	}
	var sum atomic.Uint64
	var done sync.WaitGroup
	for thread := range threads {
		done.Add(1)
		go func() {
			defer done.Done()
			sum.Add(work(thread))
		}()
	}
	done.Wait()
	return sum.Load()
}

func mix() func() peer.Answer {
	m := new(sync.Map)
	var entries int64
	for _, s := range scripts {
		for _, key := range s.filled {
			m.Store(key, uint64(1))
			entries++
		}
		for _, kind := range s.kinds {
			switch kind {
			case insert:
				entries++
			case remove:
				entries--
			}
		}
	}
	runtime.GC()
	return func() peer.Answer {
		found := onThreads(len(scripts), func(thread int) uint64 { return play(m, &scripts[thread]) })
		expect(m, uint64(entries))
		return peer.Answer{Found: found, Entries: uint64(entries)}
	}
}

func play(m *sync.Map, s *script) (found uint64) {
	for i, kind := range s.kinds {
		key := s.keys[i]
		switch kind {
		case read:
			if _, ok := m.Load(key); ok {
				found++
			}
		case insert:
			if _, loaded := m.Swap(key, uint64(1)); !loaded {
				found++
			}
		case remove:
			if _, loaded := m.LoadAndDelete(key); loaded {
				found++
			}
		case update:
			for {
				old, ok := m.Load(key)
				if !ok {
					break
				}
				if m.CompareAndSwap(key, old, old.(uint64)+1) {
					found++
					break
				}
			}
		}
	}
	return
}

func countUp(m *sync.Map, key uint64) {
	for {
		old, loaded := m.LoadOrStore(key, uint64(1))
		if !loaded || m.CompareAndSwap(key, old, old.(uint64)+1) {
			return
		}
	}
}

func countDown(m *sync.Map, key uint64) {
	for {
		old, ok := m.Load(key)
		switch {
		case !ok:
			return
		case old.(uint64) == 1:
			if m.CompareAndDelete(key, old) {
				return
			}
		case m.CompareAndSwap(key, old, old.(uint64)-1):
			return
		}
	}
}

// counts does what suite/shared/counts.rs describes.
func counts(threads, live, lag, steps uint64) func() peer.Answer {
	m := new(sync.Map)
	key := func(thread int, number uint64) uint64 {
		return ((uint64(thread)+1)<<48 | number) * 0x9e3779b97f4a7c15
	}
	for thread := range int(threads) {
		for n := range live + lag {
			countUp(m, key(thread, n))
		}
		for n := range live {
			countUp(m, key(thread, n))
		}
		for n := range lag {
			countDown(m, key(thread, n))
		}
	}
	runtime.GC()
	return func() peer.Answer {
		found := onThreads(int(threads), func(thread int) uint64 {
			for step := range steps {
				countUp(m, key(thread, step+live+lag))
				countUp(m, key(thread, step+live))
				countDown(m, key(thread, step+lag))
				countDown(m, key(thread, step))
			}
			return steps
		})
		expect(m, threads*(live+lag))
		return peer.Answer{Found: found, Entries: threads * (live + lag)}
	}
}

var (
	cleared sync.Map
	stop    atomic.Bool
	reader  sync.WaitGroup
)

// clearing fills a map and lets a goroutine read it; what is timed is Clear.
func clearing(entries uint64) func() peer.Answer {
	stop.Store(true)
	reader.Wait()
	key := func(number uint64) uint64 { return number * 0x9e3779b97f4a7c15 }
	for n := range entries {
		cleared.Store(key(n), uint64(1))
	}
	runtime.GC()
	stop.Store(false)
	reading := make(chan struct{})
	reader.Add(1)
	go func() {
		defer reader.Done()
		for n := uint64(0); !stop.Load(); n++ {
			cleared.Load(key(n % entries))
			if n == 1000 {
				close(reading)
			}
		}
	}()
	<-reading
	return func() peer.Answer {
		cleared.Clear()
		expect(&cleared, 0)
		return peer.Answer{}
	}
}
