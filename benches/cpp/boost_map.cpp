// boost::unordered_flat_map with its own hash.
#include <boost/unordered/unordered_flat_map.hpp>

#include "peer.hpp"

template <class Key, class Value>
using Map = boost::unordered_flat_map<Key, Value>;

int main(int count, char** words) { return peer::run<Map>(count, words); }
