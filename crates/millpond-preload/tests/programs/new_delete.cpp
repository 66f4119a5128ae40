// Each form of C++'s new and delete, which come through C's family. Prints "well"
// when every block was aligned, apart, wholly usable, and lent by the library.
#include <dlfcn.h>
#include <malloc.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static void expect(bool holds, const char *what) {
  if (holds) return;
  std::printf("not so: %s\n", what);
  std::exit(1);
}

static void is_ours() {
  Dl_info info;
  expect(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info) != 0, "malloc has a place");
  expect(std::strstr(info.dli_fname, "libmillpond_preload") != nullptr, "malloc is the library's");
}

struct alignas(256) Wide {
  char bytes[300];
};

struct Counted {
  static int alive;
  char bytes[40];
  Counted() { ++alive; }
  ~Counted() { --alive; }
};
int Counted::alive = 0;

static bool at(const void *block, std::size_t align) {
  return reinterpret_cast<std::uintptr_t>(block) % align == 0;
}

static void plain_and_sized() {
  std::vector<std::pair<unsigned char *, std::size_t>> blocks;
  for (std::size_t bytes : {0, 1, 16, 100, 1024, 5000, 40000, 100000, 20 << 20}) {
    auto *block = static_cast<unsigned char *>(::operator new(bytes));
    expect(at(block, 16), "new is aligned to 16 bytes");
    std::size_t usable = malloc_usable_size(block);
    expect(usable >= bytes, "usable bytes of new");
    std::memset(block, static_cast<int>(blocks.size() + 1), usable);
    blocks.emplace_back(block, bytes);
  }
  for (std::size_t n = 0; n < blocks.size(); ++n) {
    auto [block, bytes] = blocks[n];
    for (std::size_t i = 0; i < malloc_usable_size(block); i += 61)
      expect(block[i] == n + 1, "blocks are apart");
    if (n % 2 == 0) ::operator delete(block);
    else ::operator delete(block, bytes);
  }
}

static void aligned() {
  for (std::size_t align : {32, 64, 256, 4096, 65536}) {
    for (std::size_t bytes : {1, 100, 5000, 100000}) {
      auto wanted = std::align_val_t(align);
      void *one = ::operator new(bytes, wanted), *other = ::operator new[](bytes, wanted);
      expect(at(one, align) && at(other, align), "aligned new");
      std::memset(one, 1, bytes);
      std::memset(other, 2, bytes);
      ::operator delete(one, bytes, wanted);
      ::operator delete[](other, wanted);
    }
  }
  auto wide = std::make_unique<Wide>();
  expect(at(wide.get(), 256), "a type's own alignment");
  std::unique_ptr<Wide[]> row(new Wide[7]);
  expect(at(&row[6], 256), "an array's own alignment");
}

static void arrays_and_failures() {
  auto *row = new Counted[1000];
  expect(Counted::alive == 1000, "constructors of an array ran");
  delete[] row;
  expect(Counted::alive == 0, "destructors of an array ran");
  volatile std::size_t most = std::numeric_limits<std::size_t>::max() / 4;
  expect(::operator new(most, std::nothrow) == nullptr, "new (nothrow) of too much is null");
  bool thrown = false;
  try {
    ::operator delete(::operator new(most));
  } catch (const std::bad_alloc &) {
    thrown = true;
  }
  expect(thrown, "new of too much throws");
}

static void threads_and_containers() {
  std::map<std::string, std::vector<std::string>> found;
  std::vector<std::string> texts;
  std::thread maker([&] {
    for (int n = 0; n < 20000; ++n) texts.push_back(std::string(n % 300, 'x') + std::to_string(n));
    try {
      throw std::runtime_error(std::string(500, 'e'));
    } catch (const std::exception &error) {
      texts.push_back(error.what());
    }
  });
  maker.join();
  for (auto &text : texts) found[text.substr(0, 50)].push_back(std::move(text));
  std::thread([&] { texts.clear(); texts.shrink_to_fit(); }).join();
  std::size_t count = 0;
  for (auto &[key, values] : found) count += values.size();
  expect(count == 20001, "all texts are there");
}

int main() {
  is_ours();
  plain_and_sized();
  aligned();
  arrays_and_failures();
  threads_and_containers();
  std::puts("well");
}
