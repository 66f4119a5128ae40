// Syncpool does what the suite `pool` asks of a pool, with sync.Pool.
//
// The first argument names the clock: cpu for rows on one thread, so that the
// collector's work counts, and wall for the others.
package main

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"millpond/bench/peer"
)

var pool = sync.Pool{New: newBuffer}

func newBuffer() any {
	buffer := make([]byte, 0, 64)
	return &buffer
}

// expensive is a pool whose items take long to make.
var expensive = sync.Pool{New: func() any {
	for start := time.Now(); time.Since(start) < 20*time.Microsecond; {
	}
	return newBuffer()
}}

func main() {
	clock := peer.Wall
	if len(os.Args) > 1 && os.Args[1] == "cpu" {
		clock = peer.CPU
	}
	peer.Serve(clock, func(words []string) func() peer.Answer {
		shape := shapes[words[0]]
		threads, count := number(words[1]), number(words[2])
		runtime.GOMAXPROCS(threads)
		return func() peer.Answer {
			found := make([]uint64, threads)
			var all sync.WaitGroup
			for thread := range found {
				all.Add(1)
				go func() {
					found[thread] = shape(count)
					all.Done()
				}()
			}
			all.Wait()
			var sum uint64
			for _, one := range found {
				sum += one
			}
			return peer.Answer{Found: sum}
		}
	})
}

func number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		panic(err)
	}
	return n
}

var shapes = map[string]func(count int) uint64{
	"bare":       bare,
	"pair":       pair,
	"overflow":   overflow,
	"starvation": starvation,
	"expensive":  expensiveNew,
}

func bare(count int) (found uint64) {
	for range count {
		buffer := pool.Get().(*[]byte)
		found += isEmpty(buffer)
		pool.Put(buffer)
	}
	return found
}

func pair(count int) (found uint64) {
	for range count {
		buffer := pool.Get().(*[]byte)
		*buffer = append(*buffer, 1)
		found += uint64(len(*buffer))
		*buffer = (*buffer)[:0]
		pool.Put(buffer)
	}
	return found
}

// overflow is BenchmarkPoolOverflow: 100 out, 100 back.
func overflow(count int) (found uint64) {
	var held [100]*[]byte
	for range count {
		for i := range held {
			held[i] = pool.Get().(*[]byte)
			found += isEmpty(held[i])
		}
		for i := range held {
			pool.Put(held[i])
		}
	}
	return found
}

// starvation is BenchmarkPoolStarvation: a third of what is got never comes back.
func starvation(count int) (found uint64) {
	var held [100]*[]byte
	for range count {
		for i := range held {
			held[i] = pool.Get().(*[]byte)
			found += isEmpty(held[i])
		}
		for i := range held[:67] {
			pool.Put(held[i])
		}
	}
	return found
}

// expensiveNew is BenchmarkPoolExpensiveNew: 100 out, with some garbage for each.
func expensiveNew(count int) (found uint64) {
	var held [100]*[]byte
	for range count {
		for i := range held {
			held[i] = expensive.Get().(*[]byte)
			found += isEmpty(held[i])
			garbage = make([]byte, 32<<10)
		}
		for i := range held {
			expensive.Put(held[i])
		}
	}
	return found
}

var garbage []byte

//go:noinline
func isEmpty(buffer *[]byte) uint64 {
	if len(*buffer) == 0 {
		return 1
	}
	return 0
}
