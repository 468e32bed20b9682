"""Fewer hidden channels: what a trained network can do without, found by least squares on training photos.

The 1x1 convolution that reads hidden channels is a linear regression on them. Leaving channel j out and giving the others
new weights, the best that there are, adds ``w_j^2 / [C^-1]_jj`` to the squared error of an output, where C is the
channels' covariance: the optimal brain surgeon (Hassibi and Stork, "Second Order Derivatives for Network Pruning", NIPS
1992), exact here, since the error of a regression is quadratic. So the channel that costs least is taken away, one after
the other, each time with the weights that are best then. Pruning channels by what their readers put out is from He et
al., "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV 2017.

Not every error is seen in the end. Places and outputs count by how much the network's answer hangs on them: by the
squared gradient of its log-likelihood for labels that are drawn from its own answer, the diagonal of the Fisher
information (Theis et al., "Faster gaze prediction with dense networks and Fisher pruning", arXiv 1801.05787). It needs
no mask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hairseg.errors import UsageError
from hairseg.net import PSPNet
from hairseg.net.hidden import Hidden, hidden_channels

# Places of a photo's features whose channels are looked at: neighbours say the same.
PLACES = 700
# Of the mean weight of a place, added to each: what hangs on nothing in these photos may do so in others.
EVEN = 0.2
# Of the mean variance, added to each: without it channels that are always 0 would have no inverse.
RIDGE = 1e-6


@dataclass(frozen=True)
class Moments:
    """What is known of hidden channels, places weighted by what hangs on them.

    Attributes:
        mean: (n,) float64.
        covariance: (n, n) float64.
        outputs: (outputs,) float64, what hangs on each of the reader's outputs, as shares of 1.
        information: nats for a photo by which the answer changes (its Kullback-Leibler divergence, to second order) where
            the variance of the reader's outputs that ``outputs`` weight is 1.
    """

    mean: Tensor
    covariance: Tensor
    outputs: Tensor
    information: float


@dataclass(frozen=True)
class Narrowed:
    """A regression on some of its channels.

    Attributes:
        chosen: (k,) int64, their numbers, rising.
        weights: (outputs, k) float64.
        error: what of the outputs' summed variance is no longer explained, in [0, 1].
    """

    chosen: Tensor
    weights: Tensor
    error: float


def narrow(wide: PSPNet, net: PSPNet, photos: Iterable[Tensor]) -> dict[str, float]:
    """Give ``net`` the weights of a network that differs from it in having more hidden channels.

    Args:
        wide: trained; in eval mode afterwards, and changed in place.
        net: with fewer channels inside blocks of its backbone, or steps of its decoder, or in both.
        photos: batches of normalised training photos (N, 3, H, W).

    Returns:
        Of each place that lost channels, the share of its reader's weighted variance that is lost with them.

    Raises:
        UsageError: the networks differ in something else, or ``net`` has more channels somewhere.
    """
    pairs = [pair for pair in _alike(wide, net) if pair[0].width > pair[1].width]
    moments = measure(wide.eval(), [theirs for theirs, _ in pairs], photos)
    lost = {}
    for theirs, ours in pairs:
        known = moments[theirs.name]
        weights = theirs.reader[0].weight.detach().flatten(1).double()
        found = surgeon(weights, known.covariance, [ours.width], known.outputs.sqrt())[ours.width]
        _take(theirs, known.mean, found)
        lost[theirs.name] = found.error
    net.load_state_dict(wide.state_dict())
    return lost


def _alike(wide: PSPNet, net: PSPNet) -> list[tuple[Hidden, Hidden]]:
    """The hidden channels of both, side by side."""
    theirs, ours = hidden_channels(wide), hidden_channels(net)
    if [one.name for one in theirs] != [one.name for one in ours]:
        raise UsageError(
            "[net]: what training starts from has other blocks: it may differ in hidden channels alone"
        )
    for one, other in zip(theirs, ours, strict=True):
        if one.width < other.width:
            raise UsageError(
                f"[net]: {other.name} has {other.width} channels, and what training starts from {one.width}: channels "
                "can be taken away, and not added; lower it, or start from a wider model"
            )
    return list(zip(theirs, ours, strict=True))


def measure(net: PSPNet, hidden: list[Hidden], photos: Iterable[Tensor]) -> dict[str, Moments]:
    """The weighted moments of hidden channels, as their readers get them, by name.

    Args:
        net: in eval mode.
        hidden: of :func:`~hairseg.net.hidden.hidden_channels`.
        photos: batches of normalised photos (N, 3, H, W).
    """
    sums = [_Sums(one.width, one.reader[0].out_channels) for one in hidden]
    inputs: dict[int, Tensor] = {}
    outputs: dict[int, Tensor] = {}

    def look(place: int, given: Tensor, made: Tensor) -> Tensor:
        inputs[place] = given.detach()
        outputs[place] = made if made.requires_grad else made.requires_grad_()
        return outputs[place]

    hooks = [
        one.reader[0].register_forward_hook(lambda _, given, made, place=place: look(place, given[0], made))
        for place, one in enumerate(hidden)
    ]
    generator = torch.Generator().manual_seed(0)
    for batch in photos:
        loss = _surprise(net(batch), generator)
        gradients = torch.autograd.grad(loss, [outputs[place] for place in range(len(hidden))])
        for place, known in enumerate(sums):
            known.add(inputs[place], gradients[place])
    for hook in hooks:
        hook.remove()
    return {one.name: known.moments() for one, known in zip(hidden, sums, strict=True)}


def _surprise(logits: Tensor, generator: torch.Generator) -> Tensor:
    """The cross-entropy, summed over pixels, with labels drawn from the network's own answer."""
    logits = logits.float()
    draws = torch.rand(logits.shape[0], 1, *logits.shape[2:], generator=generator).to(logits.device)
    if logits.shape[1] == 1:
        labels = (draws < torch.sigmoid(logits.detach())).float()
        return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum")
    rising = torch.softmax(logits.detach(), dim=1).cumsum(dim=1)[:, :-1]
    return F.cross_entropy(logits, (draws > rising).sum(dim=1), reduction="sum")


class _Sums:
    """Sums over places of features, from which their moments are made."""

    def __init__(self, width: int, outputs: int) -> None:
        self.photos = 0
        self.weight = 0.0
        self.total = torch.zeros(width, dtype=torch.float64)
        self.products = torch.zeros(width, width, dtype=torch.float64)
        self.squares = torch.zeros(outputs, dtype=torch.float64)
        self.generator = torch.Generator().manual_seed(0)

    def add(self, features: Tensor, gradients: Tensor) -> None:
        """Look at some places of features (N, C, H, W), by the loss's gradients (N, outputs, H, W) there."""
        squares = gradients.movedim(1, -1).flatten(0, 2).square()
        self.photos += len(features)
        self.squares += squares.sum(0).cpu().double()
        rows, weights = features.movedim(1, -1).flatten(0, 2), squares.sum(1)
        weights = weights + EVEN * weights.mean() if weights.any() else torch.ones_like(weights)
        places = len(features) * PLACES
        if places < len(rows):
            chosen = torch.randint(len(rows), (places,), generator=self.generator).to(rows.device)
            rows, weights = rows[chosen], weights[chosen] * (len(rows) / places)
        rows, weights = rows.cpu().double(), weights.cpu().double()
        self.weight += float(weights.sum())
        self.total += weights @ rows
        self.products += (rows * weights[:, None]).T @ rows

    def moments(self) -> Moments:
        """What they come to."""
        seen = float(self.squares.sum())
        # Where nothing hangs on anything, as with weights of 0, all counts alike.
        outputs = self.squares / seen if seen else torch.full_like(self.squares, 1 / len(self.squares))
        weight = self.weight or 1.0
        mean = self.total / weight
        return Moments(
            mean, self.products / weight - torch.outer(mean, mean), outputs, 0.5 * seen / max(1, self.photos)
        )


def surgeon(
    weights: Tensor, covariance: Tensor, widths: Iterable[int], gain: Tensor | None = None
) -> dict[int, Narrowed]:
    """A linear regression with fewer inputs, taken away one after the other.

    Args:
        weights: (outputs, n) float64.
        covariance: (n, n) float64, of the inputs.
        widths: how many inputs are to be left; several give several results of one way.
        gain: (outputs,) by which each output is multiplied before its error counts; None for one.

    Returns:
        The regression for each width; the best constant to go with it is that which keeps the outputs' means.
    """
    wanted = sorted({width for width in widths if 0 < width < len(covariance)}, reverse=True)
    scaled = weights.clone() if gain is None else weights * gain[:, None]
    total = float(((scaled @ covariance) * scaled).sum())
    ridge = RIDGE * float(covariance.diagonal().mean()) + torch.finfo(torch.float64).tiny
    inverse = torch.linalg.inv(covariance + ridge * torch.eye(len(covariance), dtype=torch.float64))
    left = torch.ones(len(covariance), dtype=torch.bool)
    lost, plain, found = 0.0, weights.clone(), {}
    for width in range(len(covariance) - 1, (wanted or [len(covariance)])[-1] - 1, -1):
        cost = scaled.square().sum(0) / inverse.diagonal()
        cost[~left] = torch.inf
        gone = int(cost.argmin())
        lost += float(cost[gone])
        row = inverse[gone] / inverse[gone, gone]
        plain -= torch.outer(plain[:, gone], row)
        scaled -= torch.outer(scaled[:, gone], row)
        inverse -= torch.outer(inverse[gone], row)
        left[gone] = False
        # Exact zeros, and a diagonal that can be divided by: what is gone takes no part any more.
        plain[:, gone] = scaled[:, gone] = 0
        inverse[gone], inverse[:, gone] = 0, 0
        inverse[gone, gone] = 1
        if width in wanted:
            found[width] = Narrowed(
                left.nonzero()[:, 0], plain[:, left].clone(), lost / total if total else 0.0
            )
    return found


def _take(hidden: Hidden, mean: Tensor, found: Narrowed) -> None:
    """Take the channels away that were not chosen; the batch norm behind the reader takes up what moves its mean."""
    conv, norm = hidden.reader
    assert norm.running_mean is not None
    moved = found.weights @ mean[found.chosen] - conv.weight.detach().flatten(1).double() @ mean
    norm.running_mean += moved.to(norm.running_mean.dtype)
    hidden.keep(found.chosen)
    conv.weight = nn.Parameter(found.weights.to(conv.weight.dtype)[:, :, None, None])
