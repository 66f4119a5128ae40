// Package peer is how a program answers the runner: a line in, a line out.
package peer

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Answer is what a batch comes to.
type Answer struct {
	Sum, Found, Entries uint64
}

// Clock returns nanoseconds since a moment of the past.
type Clock func() int64

var start = time.Now()

// Wall is time on the wall.
func Wall() int64 { return int64(time.Since(start)) }

// CPU is the time of all threads of this process on the CPU, so the
// collector's work counts.
func CPU() int64 {
	const processCPUTime = 2 // CLOCK_PROCESS_CPUTIME_ID
	var at syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, processCPUTime, uintptr(unsafe.Pointer(&at)), 0)
	return at.Nano()
}

// Serve answers each line with what work returns, until there are no more.
// What work returns first is run untimed, what that returns is timed.
func Serve(clock Clock, work func(words []string) func() Answer) {
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		batch := work(strings.Fields(line))
		before := clock()
		answer := batch()
		ns := clock() - before
		fmt.Println(ns, answer.Sum, answer.Found, answer.Entries)
	}
}
