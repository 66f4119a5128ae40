// How a table in C++ answers the runner: a line in, a line out. The same pieces
// of work as benches/src/suite/map/operations.rs, and the same answers.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace peer {

struct Answer {
    uint64_t sum = 0, found = 0, entries = 0;
};

inline uint64_t thread_ns() {
    timespec at{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return uint64_t(at.tv_sec) * 1000000000 + uint64_t(at.tv_nsec);
}

inline void read_key(const std::string& word, uint64_t& key) { key = std::stoull(word); }
inline void read_key(const std::string& word, std::string_view& key) { key = word; }

/// The keys of a row, as the runner wrote them: present, absent, drawn for hits.
template <class Key>
struct Keys {
    std::vector<std::string> text;
    std::vector<Key> present, absent, lookups;

    explicit Keys(const std::string& file) {
        std::ifstream in(file);
        size_t n = 0;
        in >> n;
        text.resize(2 * n);
        for (auto& word : text) in >> word;
        present.resize(n);
        absent.resize(n);
        for (size_t i = 0; i < n; i++) {
            read_key(text[i], present[i]);
            read_key(text[n + i], absent[i]);
        }
        lookups.reserve(2 * n);
        for (size_t i = 0, at = 0; i < 2 * n && in >> at; i++) lookups.push_back(present[at]);
        if (lookups.size() != 2 * n) {
            std::cerr << file << " is no workload\n";
            std::exit(1);
        }
    }
};

template <class Key, template <class, class> class Map>
class Table {
    using Made = Map<Key, uint64_t>;
    Keys<Key> keys;
    Made map;
    size_t oldest = 0;

    static void fill(Made& into, const std::vector<Key>& from) {
        uint64_t value = 0;
        for (const auto& key : from) into.insert_or_assign(key, value++);
    }

    Answer look_up(const std::vector<Key>& drawn, size_t first, size_t count) {
        Answer answer;
        uint64_t sum = 0;
        size_t at = first % drawn.size();
        for (size_t i = 0; i < count; i++) {
            auto it = map.find(drawn[at]);
            if (it != map.end()) {
                sum += it->second;
                answer.found++;
            }
            if (++at == drawn.size()) at = 0;
        }
        asm volatile("" : : "r"(sum));
        answer.entries = map.size();
        return answer;
    }

public:
    explicit Table(const std::string& file) : keys(file) {}

    void prepare() {
        map = Made();
        map.reserve(keys.present.size());
        fill(map, keys.present);
        oldest = 0;
    }

    Answer run(const std::string& operation, size_t first, size_t count) {
        Answer answer;
        const size_t n = keys.present.size();
        if (operation == "hit") return look_up(keys.lookups, first, count);
        if (operation == "miss") return look_up(keys.absent, first, count);
        if (operation == "fill") {
            for (size_t i = 0; i < count; i++) {
                map.clear();
                fill(map, keys.present);
                answer.entries += map.size();
            }
        } else if (operation == "grow") {
            for (size_t i = 0; i < count; i++) {
                Made grown;
                fill(grown, keys.present);
                answer.entries += grown.size();
            }
        } else if (operation == "churn") {
            auto key = [&](size_t i) { return i < n ? keys.present[i] : keys.absent[i - n]; };
            for (size_t i = 0; i < count; i++) {
                size_t newest = oldest < n ? oldest + n : oldest - n;
                answer.found += map.erase(key(oldest));
                map.insert_or_assign(key(newest), newest);
                if (++oldest == 2 * n) oldest = 0;
            }
            answer.entries = map.size();
        } else if (operation == "walk") {
            for (size_t i = 0; i < count; i++)
                for (const auto& entry : map) answer.sum += entry.second;
            answer.entries = map.size();
        } else {
            std::cerr << "no operation " << operation << "\n";
            std::exit(1);
        }
        return answer;
    }
};

/// Answers `prepare` with zeros and `OPERATION FIRST COUNT` with a batch.
template <class Key, template <class, class> class Map>
int serve(const std::string& file) {
    Table<Key, Map> table(file);
    std::string line, operation;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        size_t first = 0, count = 0;
        words >> operation >> first >> count;
        Answer answer;
        uint64_t ns = 0;
        if (operation == "prepare") {
            table.prepare();
        } else {
            uint64_t before = thread_ns();
            answer = table.run(operation, first, count);
            ns = thread_ns() - before;
        }
        std::printf("%llu %llu %llu %llu\n", (unsigned long long)ns, (unsigned long long)answer.sum,
                    (unsigned long long)answer.found, (unsigned long long)answer.entries);
        std::fflush(stdout);
    }
    return 0;
}

/// What every program of this folder is: `PROGRAM u64|str FILE`.
template <template <class, class> class Map>
int run(int count, char** words) {
    if (count != 3) {
        std::cerr << "called as: " << words[0] << " u64|str FILE\n";
        return 2;
    }
    return words[1] == std::string("str") ? serve<std::string_view, Map>(words[2])
                                          : serve<uint64_t, Map>(words[2]);
}

}  // namespace peer
