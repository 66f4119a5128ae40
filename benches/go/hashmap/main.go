// Hashmap does the pieces of work of benches/src/suite/map/operations.rs with
// Go's own map: HASHMAP u64|str FILE.
package main

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"millpond/bench/peer"
)

// keys of a row, as the runner wrote them: present, absent, drawn for hits.
type keys[K cmp.Ordered] struct {
	present, absent, lookups []K
}

func read[K cmp.Ordered](file string, parse func(string) K) keys[K] {
	in, err := os.Open(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer in.Close()
	words := bufio.NewScanner(in)
	words.Split(bufio.ScanWords)
	next := func() string {
		if !words.Scan() {
			fmt.Fprintln(os.Stderr, file, "is no workload")
			os.Exit(1)
		}
		return words.Text()
	}
	n, _ := strconv.Atoi(next())
	var all keys[K]
	for range n {
		all.present = append(all.present, parse(next()))
	}
	for range n {
		all.absent = append(all.absent, parse(next()))
	}
	for range 2 * n {
		at, _ := strconv.Atoi(next())
		all.lookups = append(all.lookups, all.present[at])
	}
	return all
}

type table[K cmp.Ordered] struct {
	keys[K]
	made   map[K]uint64
	oldest int
	// kept so that a sum is not optimised away.
	kept uint64
}

func fill[K cmp.Ordered](into map[K]uint64, from []K) {
	for i, key := range from {
		into[key] = uint64(i)
	}
}

func (t *table[K]) lookUp(drawn []K, first, count int) peer.Answer {
	var sum, found uint64
	at := first % len(drawn)
	for range count {
		if value, ok := t.made[drawn[at]]; ok {
			sum += value
			found++
		}
		if at++; at == len(drawn) {
			at = 0
		}
	}
	t.kept = sum
	return peer.Answer{Found: found, Entries: uint64(len(t.made))}
}

func (t *table[K]) prepare() peer.Answer {
	t.made = make(map[K]uint64, len(t.present))
	fill(t.made, t.present)
	t.oldest = 0
	runtime.GC()
	return peer.Answer{}
}

func (t *table[K]) key(i int) K {
	if i < len(t.present) {
		return t.present[i]
	}
	return t.absent[i-len(t.present)]
}

func (t *table[K]) run(operation string, first, count int) (answer peer.Answer) {
	n := len(t.present)
	switch operation {
	case "prepare":
		return t.prepare()
	case "hit":
		return t.lookUp(t.lookups, first, count)
	case "miss":
		return t.lookUp(t.absent, first, count)
	case "fill":
		for range count {
			clear(t.made)
			fill(t.made, t.present)
			answer.Entries += uint64(len(t.made))
		}
	case "grow":
		for range count {
			grown := map[K]uint64{}
			fill(grown, t.present)
			answer.Entries += uint64(len(grown))
		}
	case "churn":
		for range count {
			newest := t.oldest + n
			if t.oldest >= n {
				newest = t.oldest - n
			}
			before := len(t.made)
			delete(t.made, t.key(t.oldest))
			answer.Found += uint64(before - len(t.made))
			t.made[t.key(newest)] = uint64(newest)
			if t.oldest++; t.oldest == 2*n {
				t.oldest = 0
			}
		}
		answer.Entries = uint64(len(t.made))
	case "walk":
		for range count {
			for _, value := range t.made {
				answer.Sum += value
			}
		}
		answer.Entries = uint64(len(t.made))
	default:
		fmt.Fprintln(os.Stderr, "no operation", operation)
		os.Exit(1)
	}
	return answer
}

func serve[K cmp.Ordered](file string, parse func(string) K) {
	t := table[K]{keys: read(file, parse)}
	peer.Serve(peer.CPU, func(words []string) func() peer.Answer {
		first, count := 0, 0
		if len(words) == 3 {
			first, _ = strconv.Atoi(words[1])
			count, _ = strconv.Atoi(words[2])
		}
		return func() peer.Answer { return t.run(words[0], first, count) }
	})
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "called as:", os.Args[0], "u64|str FILE")
		os.Exit(2)
	}
	if os.Args[1] == "str" {
		serve(os.Args[2], func(word string) string { return word })
	} else {
		serve(os.Args[2], func(word string) uint64 {
			key, _ := strconv.ParseUint(word, 10, 64)
			return key
		})
	}
}
