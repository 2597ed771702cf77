"""Threads that work on one thing together, without Python's lock.

Room: a few threads that are kept for the life of the process and sleep between two pieces of work. Compiled only;
types in `crew.pxd`. Below: nothing. Above: `native`.
Must hold: the threads never hold Python's lock of their own accord, so they neither slow down other Python threads
nor stand in the way of the interpreter's end; a forked child starts with a crew of its own; who finds the crew at
work does the work alone.
"""

import os
from _thread import start_new_thread

import cython


@cython.final
@cython.cclass
class Hand:
    """One thread: waits until it is given work, does it, says so."""

    def __cinit__(self):
        self.ready = PyThread_allocate_lock()
        self.done = PyThread_allocate_lock()
        if self.ready == cython.NULL or self.done == cython.NULL:
            raise MemoryError("no lock for a thread")
        PyThread_acquire_lock(self.ready, 1)
        PyThread_acquire_lock(self.done, 1)

    def loop(self):
        """What the thread does until the process ends."""
        with cython.nogil:
            while True:
                PyThread_acquire_lock(self.ready, 1)
                self.work(self.state, self.number)
                PyThread_release_lock(self.done)


@cython.final
@cython.cclass
class Crew:
    """The thread that calls, and hands that help it."""

    def __cinit__(self):
        self.hands = []
        self.busy = False

    def engage(self, workers):
        """Have `workers` - 1 hands, or as many as the system gives; return with how many one is then at work."""
        while len(self.hands) < workers - 1:
            hand: Hand = Hand()
            hand.number = len(self.hands) + 1
            try:
                start_new_thread(hand.loop, ())
            except RuntimeError:
                return len(self.hands) + 1
            self.hands.append(hand)
        return workers

    def call(self, work, state, workers):
        """Call work(state, w) for w = 0 .. workers - 1, all at once; return when all have returned."""
        hand: Hand
        w: cython.int
        for w in range(workers - 1):
            hand = self.hands[w]
            hand.work = work
            hand.state = state
            PyThread_release_lock(hand.ready)
        with cython.nogil:
            work(state, 0)
        for w in range(workers - 1):
            hand = self.hands[w]
            done = hand.done
            with cython.nogil:
                PyThread_acquire_lock(done, 1)
        return 0

    def work(self, work, state, workers):
        """As `call`, by fewer threads where the crew is at work for another or the system has no more."""
        if workers > 1 and not self.busy:
            self.busy = True
            try:
                return self.call(work, state, self.engage(workers))
            finally:
                self.busy = False
        with cython.nogil:
            work(state, 0)
        return 0


_crew = cython.declare(Crew, Crew())


def the_crew():
    """The crew of this process."""
    return _crew


def _begin_again():
    """In a forked child, where only the thread that forked lives on."""
    global _crew
    _crew = Crew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
