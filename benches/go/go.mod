module millpond/bench

go 1.24
