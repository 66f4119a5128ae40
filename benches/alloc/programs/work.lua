-- Tables of strings, sorted and joined; trees made and dropped.
local count, words = {}, {}
for i = 1, 120000 do
  local key = "key" .. (i * 7919 % 100003)
  count[key] = (count[key] or 0) + 1
  words[#words + 1] = { key, i, tostring(i) }
end
local total = 0
for _, n in pairs(count) do total = total + n end
table.sort(words, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
local parts = {}
for i = 1, 60000 do parts[#parts + 1] = words[i][1]:rep(3):sub(2, 20) end
print(total, #table.concat(parts))

local function tree(depth)
  if depth == 0 then return {} end
  return { tree(depth - 1), tree(depth - 1) }
end
local function nodes(t)
  if t[1] then return 1 + nodes(t[1]) + nodes(t[2]) end
  return 1
end
local all = 0
for _ = 1, 8 do all = all + nodes(tree(14)) end
print(all)
