// absl::flat_hash_map with its own hash.
#include <absl/container/flat_hash_map.h>

#include "peer.hpp"

template <class Key, class Value>
using Map = absl::flat_hash_map<Key, Value>;

int main(int count, char** words) { return peer::run<Map>(count, words); }
