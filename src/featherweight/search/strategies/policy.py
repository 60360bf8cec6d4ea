"""The controller: a recurrent network that writes an architecture decision by decision.

Zoph & Le 2016, "Neural Architecture Search with Reinforcement Learning", arXiv 1611.01578,
section 3: an LSTM reads the decision it took last and gives a softmax over the options of the next.
Whether layer i reads layer j is decided by attention over the anchors (section 3.3):

    P(i reads j) = sigmoid(v' tanh(W_earlier h_j + W_later h_i)),

h_j: the state when the last decision of layer j was taken, h_i: the state now.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from featherweight.search.spaces.space import Choices, Option, Space


@dataclass(frozen=True)
class Written:
    """B architectures as the controller wrote them; decisions without a say count nothing."""

    choices: Tensor
    """int64 [B, T]: option by decision."""
    log_probabilities: Tensor
    """[B, T], of the options that were chosen."""
    entropies: Tensor
    """[B, T], of the distributions that they were drawn from, in nats."""

    def as_tuples(self) -> list[Choices]:
        """The choices as spaces take them."""
        return [tuple(row) for row in self.choices.tolist()]


class Policy(nn.Module):
    """p(architecture), for all architectures of a space; weights start as in the paper.

    Args:
        units: of each of the `depth` layers of the LSTM (the paper: 2 layers of 35).
        spread: weights start evenly between -spread and spread (the paper: 0.08).
    """

    def __init__(
        self, space: Space, *, units: int = 35, depth: int = 2, spread: float = 0.08
    ) -> None:
        super().__init__()
        self.space = space
        self.depth, self.units = depth, units
        self.start = nn.Parameter(torch.empty(units))
        self.cells = nn.ModuleList(nn.LSTMCell(units, units) for _ in range(depth))
        sizes = [len(decision.options) for decision in space.decisions]
        self.embeddings = nn.ModuleList(nn.Embedding(size, units) for size in sizes)
        self.heads = nn.ModuleList(
            nn.Linear(units, size) if decision.anchor is None else nn.Identity()
            for decision, size in zip(space.decisions, sizes, strict=True)
        )
        self.earlier = nn.Linear(units, units, bias=False)
        self.later = nn.Linear(units, units, bias=False)
        self.attention = nn.Linear(units, 1, bias=False)
        for weight in self.parameters():
            nn.init.uniform_(weight, -spread, spread)

    def write(self, count: int, generator: torch.Generator) -> Written:
        """Draw `count` architectures."""
        return self._walk(None, count, generator)

    def read(self, choices: Tensor) -> Written:
        """The probabilities of architectures that are given, int64 [B, T]."""
        return self._walk(choices, len(choices), None)

    def _walk(self, given: Tensor | None, count: int, generator: torch.Generator | None) -> Written:
        states = [(torch.zeros(count, self.units),) * 2 for _ in range(self.depth)]
        x = self.start.expand(count, -1)
        values: list[dict[str, Option]] = [{} for _ in range(count)]
        anchors: dict[int, Tensor] = {}
        steps: list[tuple[Tensor, Tensor, Tensor]] = []
        for index, decision in enumerate(self.space.decisions):
            for level, cell in enumerate(self.cells):
                states[level] = cell(x, states[level])
                x = states[level][0]
            logits = self._logits(index, x, anchors).log_softmax(dim=1)  # [B, options]
            if given is not None:
                chosen = given[:, index]
            else:
                chosen = torch.multinomial(logits.exp(), 1, generator=generator)[:, 0]
            active = torch.tensor([self.space.is_active(index, value) for value in values])
            chosen = chosen * active
            for value, choice in zip(values, chosen.tolist(), strict=True):
                value[decision.name] = decision.options[choice]
            entropy = -(logits.exp() * logits).sum(dim=1)
            log_probability = logits.gather(1, chosen[:, None])[:, 0]
            steps.append((chosen, log_probability * active, entropy * active))
            anchors[decision.layer] = x
            x = self.embeddings[index](chosen)
        choices, log_probabilities, entropies = (
            torch.stack(part, dim=1) for part in zip(*steps, strict=True)
        )
        return Written(choices, log_probabilities, entropies)

    def _logits(self, index: int, state: Tensor, anchors: dict[int, Tensor]) -> Tensor:
        """[B, options] of one decision; of an anchor those of not reading and of reading."""
        anchor = self.space.decisions[index].anchor
        if anchor is None:
            return self.heads[index](state)  # type: ignore[no-any-return]
        earlier = anchors.get(anchor[1], torch.zeros_like(state))
        score = self.attention(torch.tanh(self.earlier(earlier) + self.later(state)))
        return torch.cat([torch.zeros_like(score), score], dim=1)
