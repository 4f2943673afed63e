"""Names without a network: letters drawn independently, and n-grams that lean on shorter ones."""

import math
from collections import Counter, defaultdict

import torch
from torch import Tensor

from course_utils import chains, data

END = "·"
SIGNS = data.LETTERS[1:] + END


class IndependentLetters:
    """Each letter by itself, as often as it stands at its place."""

    def __init__(self, z: Tensor, letters: int):
        counts = torch.stack([torch.bincount(place, minlength=letters) for place in z.T]).double() + 0.5
        self.p = counts / counts.sum(1, keepdim=True)

    def log_prob(self, z: Tensor) -> Tensor:
        return self.p.log()[torch.arange(z.shape[1]), z].sum(1)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        u = torch.rand(n, len(self.p), generator=generator, dtype=torch.float64)
        return chains.categorical(self.p.expand(n, -1, -1), u)


class WittenBell:
    """The next letter given the n - 1 before it; each context leans on the shorter one, the more so the more different
    letters have followed on it (Witten and Bell 1991). A name ends with a sign of its own, or after `length` letters.
    """

    def __init__(self, words: list[str], n: int, length: int):
        self.n, self.length = n, length
        self.counts: dict[str, Counter] = defaultdict(Counter)
        for word in words:
            text = self._start() + word + END
            for i in range(n - 1, len(text)):
                for k in range(n):
                    self.counts[text[i - k : i]][text[i]] += 1
        self.laws: dict[str, dict[str, float]] = {}

    def _start(self) -> str:
        return "^" * (self.n - 1)

    def law(self, context: str) -> dict[str, float]:
        """Of the sign after the context."""
        if context not in self.laws:
            shorter = self.law(context[1:]) if context else dict.fromkeys(SIGNS, 1 / len(SIGNS))
            found = self.counts.get(context, Counter())
            kinds, total = len(found), found.total()
            law = {a: (found[a] + kinds * shorter[a]) / (total + kinds) for a in SIGNS} if found else shorter
            self.laws[context] = law
        return self.laws[context]

    def word_log_prob(self, word: str) -> float:
        """Natural logarithm."""
        text = self._start() + word + (END if len(word) < self.length else "")
        places = range(self.n - 1, len(text))
        return sum(math.log(self.law(text[i - self.n + 1 : i])[text[i]]) for i in places)

    def log_prob(self, z: Tensor) -> Tensor:
        return torch.tensor([self.word_log_prob(word) for word in data.decode(z)], dtype=torch.float64)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return data.encode([self._word(generator) for _ in range(n)], self.length)

    def _word(self, generator: torch.Generator) -> str:
        text = self._start()
        for u in torch.rand(self.length, generator=generator, dtype=torch.float64).tolist():
            law = self.law(text[len(text) - self.n + 1 :])
            text += next((a for a in SIGNS if (u := u - law[a]) < 0), END)
            if text.endswith(END):
                break
        return text.strip("^" + END)
