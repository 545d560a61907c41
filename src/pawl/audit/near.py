"""Documents that are nearly the same, by the smallest hashes of their n-grams.

Broder, "On the resemblance and containment of documents", 1997: two documents whose n-grams overlap by J (of their
union) have the same smallest hash with chance J. Bands of several such hashes find what overlaps much and little else.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from pawl.audit.words import Hashes, Places, Words, ngrams_of
from pawl.compiled import compiled

GRAM = 3
"""Words of an n-gram."""
BANDS, ROWS = 8, 8
"""Documents that overlap by 0.9 share a band with chance 0.99, by 0.8 with 0.77, by 0.5 with 0.03, by 0.3 with 0.0005:
of millions of documents each is a little like many others."""


def bands_of(words: Words) -> Hashes:
    """[N, BANDS] what nearly equal documents have in common; those with fewer words than an n-gram are of one."""
    grams, bounds = ngrams_of(words, GRAM)
    found = np.empty((len(bounds) - 1, BANDS), np.uint64)
    _bands(words.hashes, words.bounds, grams, bounds, found)
    return found


def _find_bands(words: Hashes, edges: Places, grams: Hashes, bounds: Places, found: Hashes) -> None:
    for document in range(len(bounds) - 1):
        first, last = bounds[document], bounds[document + 1]
        short = first == last
        if short:
            first, last = edges[document], edges[document + 1]
        for band in range(BANDS):
            value = uint64(band)
            for row in range(ROWS):
                turn = uint64(2 * (band * ROWS + row) + 1) * uint64(0x9E3779B97F4A7C15)
                least = uint64(0xFFFFFFFFFFFFFFFF)
                for place in range(first, last):
                    hashed = (words[place] if short else grams[place]) * turn
                    hashed ^= hashed >> uint64(32)
                    least = min(least, hashed * uint64(0xBF58476D1CE4E5B9))
                value = (value ^ least) * uint64(0x94D049BB133111EB)
                value ^= value >> uint64(31)
            found[document, band] = value


_bands = compiled(_find_bands)
