#!/usr/bin/env bash
# gcc under the library: the object must be, byte for byte, the one that it
# makes under glibc's malloc. A few seconds.
set -eu -o pipefail
library=$1 folder=$2
here=$(realpath "$(dirname "$0")")
# What compiles is a program that gcc starts.
"$here/uses.sh" "$library" "$(gcc -print-prog-name=cc1)" --version
{
  echo '#include <stdio.h>'
  echo '#include <stdlib.h>'
  echo '#include <string.h>'
  for n in $(seq 150); do
    echo "struct s$n { int a[$((n % 17 + 1))]; struct s$n *next; double d; };"
    echo "static int f$n(struct s$n *s, int k) { int t = $n; for (; s; s = s->next)"
    echo "  switch (k % 7) { case 0: t += s->a[0]; break; case 3: t ^= (int)s->d; break;"
    echo "    default: t = t * 31 + k; } return t + (int)strlen(\"text $n\"); }"
  done
  echo 'int main(int c, char **v) { int t = 0;'
  for n in $(seq 150); do echo "struct s$n *p$n = calloc(1, sizeof *p$n); t += f$n(p$n, c);"; done
  echo 'printf("%d %s\n", t, v[0]); return 0; }'
} >"$folder/work.c"
cd "$folder"
LD_PRELOAD=$library gcc -O2 -g -c work.c -o ours.o 2>said
test ! -s said || { cat said; exit 1; }
gcc -O2 -g -c work.c -o theirs.o
cmp ours.o theirs.o
LD_PRELOAD=$library gcc -O1 work.c -o ours
"$here/uses.sh" "$library" ./ours
