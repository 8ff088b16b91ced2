/*
 * Nothing of this library is destroyed when the process ends. It ends while threads compute, if Deno.exit() is called or a
 * worker was terminated in the middle, and they read what C++ would destroy, such as ggml's list of memory types: that was
 * a segmentation fault in one of forty such ends. The system takes the memory back anyway.
 *
 * C++ registers destructors of static objects with this function. This one, which only this library sees, forgets them.
 * https://itanium-cxx-abi.github.io/cxx-abi/abi.html#dso-dtor-runtime-api
 */
int __cxa_atexit(void (*destructor)(void *), void * object, void * library) {
    (void) destructor;
    (void) object;
    (void) library;
    return 0;
}
