"""Slow references in plain Python and float64, written from the methods' description alone.

They share no code with the package. Where a choice among equal scores is random, the reference
gives the set of all allowed outcomes instead of one of them.
"""

import itertools
import math

import numpy as np


def budget(density, total):
    return min(total, math.floor(density * total + 0.5))


def layer_densities(shapes, density, allocation):
    """RigL's erdos_renyi_kernel, power 1, in its own form with the (1 - d) term."""
    sizes = [math.prod(s) for s in shapes]
    if allocation == "uniform":
        return [density for _ in shapes]
    raw = []
    for shape in shapes:
        dims = shape[:2] if allocation == "er" else shape
        raw.append(sum(dims) / math.prod(dims))
    dense = [False] * len(shapes)
    while not all(dense):
        numerator, divisor = 0.0, 0.0
        for i, size in enumerate(sizes):
            if dense[i]:
                numerator -= size * (1 - density)
            else:
                numerator += size * density
                divisor += raw[i] * size
        epsilon = numerator / divisor
        top = max(r for r, full in zip(raw, dense, strict=True) if not full)
        if epsilon * top <= 1:
            return [1.0 if dense[i] else epsilon * raw[i] for i in range(len(shapes))]
        for i, r in enumerate(raw):
            if not dense[i] and r == top:
                dense[i] = True
    return [1.0] * len(shapes)


def wanted_weights(shapes, density, allocation):
    densities = layer_densities(shapes, density, allocation)
    return [d * math.prod(s) for d, s in zip(densities, shapes, strict=True)]


def layer_counts(shapes, density, allocation):
    sizes = [math.prod(s) for s in shapes]
    wanted = wanted_weights(shapes, density, allocation)
    return shared_out(wanted, sizes, budget(density, sum(sizes)))


def shared_out(wanted, sizes, target):
    """Largest remainder, one at a time; the earlier layer wins a tie."""
    counts = [max(1, min(n, int(w))) for w, n in zip(wanted, sizes, strict=True)]
    while sum(counts) != target:
        best, best_need = None, -math.inf
        for i in range(len(counts)):
            if sum(counts) < target and counts[i] < sizes[i]:
                need = wanted[i] - counts[i]
            elif sum(counts) > target and counts[i] > 1:
                need = counts[i] - wanted[i]
            else:
                continue
            if need > best_need:
                best, best_need = i, need
        counts[best] += 1 if sum(counts) < target else -1
    return counts


def blocks(shape, output):
    """The flat places of every block: up to four neighbours along the dimension ``output``."""
    members = {}
    for position, index in enumerate(itertools.product(*map(range, shape))):
        key = index[output] // 4, index[:output], index[output + 1 :]
        members.setdefault(key, []).append(position)
    return [members[key] for key in sorted(members)]


def drop(mask, scores, count, protected=()):
    """(entries surely dropped, entries of which the rest is drawn at random)."""
    candidates = sorted((scores[i], i) for i in range(len(mask)) if mask[i] and i not in protected)
    return _split_by_threshold(candidates, count)


def grow(mask, scores, count):
    """(entries surely grown, entries of which the rest is drawn at random)."""
    candidates = sorted((-scores[i], i) for i in range(len(mask)) if not mask[i])
    return _split_by_threshold(candidates, count)


def _split_by_threshold(candidates, count):
    if count == 0:
        return set(), set()
    threshold = candidates[count - 1][0]
    sure = {i for score, i in candidates if score < threshold}
    return sure, {i for score, i in candidates if score == threshold}


def strongest(layers_of, mask, magnitudes):
    """Of every layer the active entry of largest magnitude: the last one that may be dropped."""
    best = {}
    for i, layer in enumerate(layers_of):
        if mask[i] and (layer not in best or magnitudes[i] > magnitudes[best[layer]]):
            best[layer] = i
    return set(best.values())


def drop_network(layers_of, mask, weights, fraction):
    """floor(fraction * active) smallest of all layers out, one by one, never a layer's last."""
    mask = list(mask)
    left = dict.fromkeys(layers_of, 0)
    for i, layer in enumerate(layers_of):
        left[layer] += mask[i]
    to_go = math.floor(fraction * sum(mask))
    for i in sorted(range(len(mask)), key=lambda i: abs(weights[i])):
        if to_go > 0 and mask[i] and left[layers_of[i]] > 1:
            mask[i] = False
            left[layers_of[i]] -= 1
            to_go -= 1
    return mask


def rewire_network(layers_of, mask, weights, gradients, fraction):
    """ADAPT: drop over all layers, then grow as many where the gradient is largest."""
    left = drop_network(layers_of, mask, weights, fraction)
    return _regrow(left, gradients, sum(mask) - sum(left))


def drop_layers(layers_of, mask, weights, fraction):
    """ceil(fraction * active) smallest of every layer out, never its strongest."""
    mask = list(mask)
    for layer in dict.fromkeys(layers_of):
        active = [i for i in range(len(mask)) if layers_of[i] == layer and mask[i]]
        weak = sorted(active, key=lambda i: abs(weights[i]))[:-1]
        for i in weak[: math.ceil(fraction * len(active))]:
            mask[i] = False
    return mask


def rewire_layers(layers_of, mask, weights, gradients, fraction):
    """STU-GAN: drop in every layer, then grow as many in the same layer."""
    left = drop_layers(layers_of, mask, weights, fraction)
    return _regrow_within(layers_of, mask, left, gradients)


def rewire_units(layers_of, sizes, mask, weights, gradients, fraction, scope):
    """As either of the two, where entry i stands for sizes[i] weights: sizes never mix."""
    dropped = drop_network if scope == "network" else drop_layers
    left = dropped(layers_of, mask, weights, fraction)
    where = sizes if scope == "network" else list(zip(layers_of, sizes, strict=True))
    return _regrow_within(where, mask, left, gradients)


def resize_units(layers_of, sizes, mask, weights, gradients, to_count):
    """In the order of their scores, every entry that brings the weights nearer to the count."""
    active = sum(s for s, bit in zip(sizes, mask, strict=True) if bit)
    if to_count > active:
        order = sorted((i for i, bit in enumerate(mask) if not bit), key=lambda i: -gradients[i])
    else:
        stay = strongest(layers_of, mask, weights)
        order = sorted(
            (i for i, bit in enumerate(mask) if bit and i not in stay), key=lambda i: weights[i]
        )
    mask, grows = list(mask), to_count > active
    for equally_near in [False] if grows else [False, True]:
        for i in order:
            if mask[i] == grows:
                continue
            after = active + sizes[i] if grows else active - sizes[i]
            missed, still = abs(active - to_count), abs(after - to_count)
            if still < missed or (equally_near and still == missed):
                mask[i], active = grows, after
                if equally_near:
                    break
    return mask


def resize_network(layers_of, mask, weights, gradients, to_count):
    mask = list(mask)
    active = sum(mask)
    if to_count >= active:
        return _regrow(mask, gradients, to_count - active)
    protected = strongest(layers_of, mask, [abs(w) for w in weights])
    sure, drawn = drop(mask, [abs(w) for w in weights], active - to_count, protected)
    assert len(sure | drawn) == active - to_count, "the example has ties"
    return [bit and i not in sure | drawn for i, bit in enumerate(mask)]


def _regrow_within(labels, mask, left, gradients):
    """Grow as many as were dropped among the entries of each label."""
    after = list(left)
    for label in dict.fromkeys(labels):
        places = [i for i in range(len(mask)) if labels[i] == label]
        lost = sum(mask[i] - left[i] for i in places)
        part = _regrow([left[i] for i in places], [gradients[i] for i in places], lost)
        for i, bit in zip(places, part, strict=True):
            after[i] = bit
    return after


def _regrow(mask, gradients, count):
    inactive = [i for i in range(len(mask)) if not mask[i]]
    for i in sorted(inactive, key=lambda i: -abs(gradients[i]))[:count]:
        mask[i] = True
    return mask


def balance_ratio(records, window, mean_of_ratios=False):
    """The ratio of the last ``window`` (real, before, after) triples, invalid ones left out."""
    ratios, gain, gap = [], 0.0, 0.0
    for real, before, after in records[-window:]:
        if not all(math.isfinite(x) for x in (real, before, after)):
            continue
        if real - before > 1e-3 * (abs(real) + abs(before)):
            ratios.append((after - before) / (real - before))
            gain += after - before
            gap += real - before
    if not ratios:
        return math.nan
    return sum(ratios) / len(ratios) if mean_of_ratios else gain / gap


def unguarded_ratio(records, mean_of_ratios):
    """The ratio of all triples (real, before, after), whatever their gaps, by IEEE division."""
    real, before, after = np.array(records, dtype=np.float64).T
    with np.errstate(all="ignore"):
        if mean_of_ratios:
            return float(np.mean((after - before) / (real - before)))
        return float(np.mean(after - before) / np.mean(real - before))


def published_control(
    triples, iterations, every, window, interval, low, high, active, total, cap, explores=False
):
    """The decisions of ADAPT's published loop (methods.md, A3, A7 and A8), in whole weights.

    Args:
        triples: (real, before, after) of every iteration, the first at index 0.
        explores: Strict: at the cap, above the band, D is rewired.

    Returns:
        (iteration, records, ratio, action, active weights after it) of every decision.
    """
    queue, decisions = [], []
    for t in range(1, iterations + 1):
        if t % every == 0:
            queue.append(triples[t - 1])
        if t % interval == 0 and t != iterations:
            ratio, action = math.nan, "hold"
            if queue:
                ratio = unguarded_ratio(queue, mean_of_ratios=True)
            if len(queue) >= window:
                step, floor, most = (int(d * total + 0.5) for d in (0.05, 0.05, cap))
                if ratio >= high:
                    if active < most:
                        action, active = "raise", min(most, active + step)
                    elif explores:
                        action = "rewire"
                elif ratio <= low and active > floor:
                    action, active = "lower", max(floor, active - step)
            decisions.append((t, len(queue), ratio, action, active))
        if len(queue) > window:
            queue.pop(0)
    return decisions


def controller_target(ratio, active, total, low, high, step, floor, cap):
    """Where a full window of valid records sends the count of active weights."""
    nearest = lambda weights: int(weights + 0.5)  # noqa: E731
    if ratio > high:
        return max(active, min(nearest(cap * total), active + nearest(step * total)))
    if ratio < low:
        return min(active, max(nearest(floor * total), active - nearest(step * total)))
    return active


def masked_average(average, weight, mask, decay, reseeded):
    """One update of a sparse average, entry by entry."""
    new = []
    for a, w, m in zip(average, weight, mask, strict=True):
        value = m * (decay * a + (1 - decay) * w)
        if reseeded and m and a == 0:
            value += decay * w
        new.append(value)
    return new


class Adam:
    """Adam on a list of numbers, with a mask: inactive entries have no gradient and no moments."""

    def __init__(self, weights, mask, lr, betas, eps=1e-8):
        self.w, self.mask = list(weights), list(mask)
        self.m, self.v = [0.0] * len(self.w), [0.0] * len(self.w)
        self.lr, (self.b1, self.b2), self.eps, self.t = lr, betas, eps, 0

    def step(self, gradients):
        self.t += 1
        for i, g in enumerate(gradients):
            if not self.mask[i]:
                assert self.w[i] == self.m[i] == self.v[i] == 0
                continue
            self.m[i] = self.b1 * self.m[i] + (1 - self.b1) * g
            self.v[i] = self.b2 * self.v[i] + (1 - self.b2) * g * g
            m_hat = self.m[i] / (1 - self.b1**self.t)
            v_hat = self.v[i] / (1 - self.b2**self.t)
            self.w[i] -= self.lr * m_hat / (math.sqrt(v_hat) + self.eps)

    def change_mask(self, mask, seeded):
        stay = [i for i in range(len(mask)) if self.mask[i] and mask[i]]
        mean = math.fsum(self.v[i] for i in stay) / len(stay) if stay else 0.0
        for i, bit in enumerate(mask):
            if i not in stay:
                self.w[i] = self.m[i] = 0.0
                self.v[i] = mean if bit and seeded else 0.0
        self.mask = list(mask)
