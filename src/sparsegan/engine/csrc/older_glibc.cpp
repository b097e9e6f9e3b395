// What GCC's own C++ library looks up in the C library since glibc 2.32, for older ones that lack it:
// whether the process has one thread and needs no atomic counts. Zero says that it may have more.
extern "C" __attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
