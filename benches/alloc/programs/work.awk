# Words counted and lists of lines kept, as over a log.
BEGIN {
  for (line = 1; line <= 60000; line++) {
    text = "GET /page/" (line * 7919 % 5003) " user" (line % 1999) " agent" (line * 31 % 97)
    parts = split(text, word, " ")
    for (i = 1; i <= parts; i++) {
      count[word[i]]++
      lines[word[i]] = lines[word[i]] "," line
      if (length(lines[word[i]]) > 200) lines[word[i]] = ""
    }
  }
  for (w in count) sum += count[w]
  for (w in lines) bytes += length(lines[w])
  print sum, bytes
}
