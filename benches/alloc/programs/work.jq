# Objects made, grouped, reduced and written.
[range(25000) | {id: ., name: "user\(.)", tags: [range(. % 6) | "tag\(.)"], score: (. * 7919 % 1009),
                 nested: {a: ., b: [1, 2, {c: ("x" * (. % 40 + 1))}]}}]
| map(select(.score > 300))
| group_by(.score % 97)
| map({n: length, sum: (map(.score) | add), names: (map(.name) | sort | .[0:3]),
       text: (map(.nested.b[2].c) | join("") | length)})
