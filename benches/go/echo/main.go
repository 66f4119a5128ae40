// Echo answers every line alike: it shows that Go is there and heard.
package main

import "millpond/bench/peer"

func main() {
	peer.Serve(peer.Wall, func([]string) func() peer.Answer {
		return func() peer.Answer { return peer.Answer{Sum: 3, Found: 2, Entries: 1} }
	})
}
