"""A model's card: what it is, what it saw and on which terms, what it scores, where it fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hairseg.evaluation.report import Report
from hairseg.evaluation.tables import markdown, report_text
from hairseg.models import ModelInfo
from hairseg.printable import printable
from hairseg.training.export import THRESHOLD

WEIGHTS_LICENCE = "research and non-commercial use, by the terms of the training photos; see the card"

TERMS = {
    "figaro1k": (
        "Figaro-1k (Svanera et al., ICIP 2016; Muhammad et al., Image and Vision Computing 71, 2018): offered for "
        "research, no licence text; the photos come from the web and belong to their photographers."
    ),
    "celeb1k": (
        "1,000 portraits of CelebAMask-HQ (Lee et al., CVPR 2020): non-commercial research and education only."
    ),
    "ccp": (
        "Clothing Co-Parsing (Yang et al., CVPR 2014), head-and-shoulders crops: the repository is Apache-2.0, the "
        "street photos are third parties'; taken as research only."
    ),
    "fasseg": (
        "FASSEG (Khan et al., ICIP 2015 and ICME 2017), turned heads of Pointing'04, eyebrows taken out of their masks: "
        "to be cited, no licence text; taken as research only."
    ),
    "negatives": (
        "50 photos without people: pets (Asirra, research), Kodak PhotoCD scenes, scikit-image and scikit-learn "
        "samples, test photos of rembg and dlib."
    ),
}

BACKBONES = {
    "squeezenet1_1": "SqueezeNet 1.1, ImageNet weights of its authors (BSD 2-clause).",
    **{
        f"tf_efficientnet_lite{size}": f"EfficientNet-Lite{size}, ImageNet weights of its authors (Apache-2.0)."
        for size in range(3)
    },
}


# A model that saw these photos saw val84 among them: a refit, which the protocol allows with all choices frozen.
ALL_OF_FIGARO = "figaro1k:train"

TRAINING = "## Training"
# Photos that a card names as its model's worst, and epochs that it shows of the training.
WORST = 10
EPOCHS = 12


def card(
    info: ModelInfo,
    recipe: dict[str, Any],
    reports: Sequence[Report],
    metadata: dict[str, Any],
    epochs: Sequence[dict[str, Any]] = (),
    before: str = "",
) -> str:
    """The card as Markdown.

    Args:
        info: of the finished ONNX file.
        recipe: the recipe as plain values.
        reports: on the test set first, then on other data sets.
        metadata: what the export wrote and measured.
        epochs: lines of the run's ``metrics.jsonl``; none where the run is not at hand.
        before: the card of the same weights, whose training is told again where there are no lines.
    """
    name = info.name
    parts = [
        f"# {name}",
        f"{info.architecture}; {info.parameters / 1e6:.2f} M parameters, {info.multiply_adds / 1e9:.2f} G multiply-adds "
        f"at {info.fit.size}x{info.fit.size}, {info.bytes / 1e6:.1f} MB.",
        _use(info),
        "## Data and terms",
        _terms(info, recipe),
        "## Scores",
        "By the protocol `figaro-native`: photos at their own size, pixel counts pooled over all photos. "
        f"{_chosen(info)} Printed by "
        f"`hairseg publish` and again by `hairseg evaluate --data figaro1k:PATH --split test --model {name}`.",
        report_text(reports[0]).strip(),
        "Time and memory are those of the publishing process, which holds torch and shares its machine; `benchmarks/` "
        "compares speed.",
        _others(reports[1:]) if len(reports) > 1 else "",
        "## Limits",
        _limits(),
        _worst(reports[0]),
        _curve(epochs) or _told(before),
        "## Make it again",
        _again(info, recipe, metadata),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _use(info: ModelInfo) -> str:
    return (
        f"Input `photo`: float32 (N, 3, H, W), RGB in [0, 1] after (x - mean) / std, any H and W from 33 to 2048; "
        f"trained for an area of about {info.fit.size}x{info.fit.size} pixels in the photo's own proportions"
        f"{_small_photos(info)}. Output "
        "`probability`: float32 (N, 1, H, W) in [0, 1]. Mean, std, size and threshold "
        f"({info.threshold:g}) are in the file's metadata under `hairseg`, as JSON.{_color_share(info)}"
    )


def _small_photos(info: ModelInfo) -> str:
    """What becomes of photos that are smaller than the canvas."""
    if info.fit.enlarge == 1:
        return ""
    return (
        f", or s^{1 - info.fit.enlarge:g} x {info.fit.size}^{info.fit.enlarge:g} for a photo that has the area of a "
        "smaller square of side s"
    )


def _color_share(info: ModelInfo) -> str:
    """What is done with the output near the border."""
    if not info.color_share:
        return ""
    return (
        f" `color_share` there is {info.color_share:g}: in photos, hairseg takes {100 * info.color_share:g} % of a "
        "pixel's probability near the border from the photo's own colours (`hairseg.edge.with_colors`); every score "
        "below is with them."
    )


def _terms(info: ModelInfo, recipe: dict[str, Any]) -> str:
    lines = []
    for entry, source in zip_longest(info.data, recipe["train"]):
        base = entry.partition(":")[0]
        if source is None:
            share = ", by the model that it started from"
        else:
            share = f", each photo {source['weight']:g} times an epoch" if source["weight"] != 1 else ""
        lines.append(f"- `{entry}`{share}: {TERMS.get(base, 'your own data.')}")
    backbone, start = recipe["net"]["backbone"], recipe["pretrained"]
    first = BACKBONES.get(backbone, f"{backbone}, ImageNet weights.")
    if start == "imagenet":
        lines.append(f"- Started from {first}")
    elif start != "none":
        lines.append(f"- Started from `{printable(Path(start).name)}`, which started from {first}")
    teachers = [f"`{printable(Path(name).name)}`" for name in recipe["distil"]["teachers"]]
    if teachers:
        say = "say" if len(teachers) > 1 else "says"
        sizes = " and ".join(map(str, recipe["distil"]["sizes"]))
        where = f", on canvases of {sizes} px" if sizes else ""
        lines.append(
            f"- Beside the masks it learned what {' and '.join(teachers)} {say} of its training photos{where}, to "
            f"{100 * recipe['distil']['share']:g} %."
        )
    if share := recipe["distil"].get("imitate"):
        features = ", and what its parts hand on" if recipe["distil"]["features"] else ""
        rest = "; masks have the rest" if share < 1 and not teachers else ""
        of = recipe["distil"].get("imitate_of")
        whose = f"`{printable(Path(of).name)}`" if of else "that one"
        times = recipe["distil"].get("reduce", 1)
        larger = f", {times:g} times as large" if times != 1 else ""
        lines.append(
            f"- Of every view it learned what {whose} says of it{larger}{features}, to {100 * share:g} % of the "
            f"cross-entropy's target{rest}."
        )
    if recipe["net"].get("backbone_hidden"):
        lines.append(
            "- Inside the backbone's blocks it has fewer channels than what it started from: those that its training "
            "photos need most (`hairseg.training.narrow`)."
        )
    if recipe.get("trainable"):
        parts = ", ".join(f"`{printable(part)}`" for part in recipe["trainable"])
        lines.append(f"- Of it {parts} learned; the rest is what it started from.")
    if recipe.get("keep"):
        of = recipe.get("keep_of")
        whose = f"`{printable(Path(of).name)}`" if of else "what it started from"
        lines.append(f"- {100 * recipe['keep']:g} % of every weight are those of {whose}.")
    lines.append(f"\nWeights: {info.licence}.")
    return "\n".join(lines)


def _chosen(info: ModelInfo) -> str:
    """What was chosen on which photos."""
    if not any(name.startswith("figaro1k:") for name in info.data):
        given = "" if info.threshold == THRESHOLD else f"The threshold of {info.threshold:g} was given. "
        return (
            f"{given}The checkpoint is the best of its training on what the recipe names under `[[validate]]`, or the "
            "last one where it names nothing."
        )
    if ALL_OF_FIGARO in info.data:
        return (
            "A refit on all of Figaro-1k's training photos: epochs, canvas and the threshold of "
            f"{info.threshold:g} were chosen before, on `val84`, by the same training on `train756`; here nothing was "
            "chosen, and the last epoch was taken. `docs/experiments.md` says how often the test photos were looked at."
        )
    if info.threshold == THRESHOLD:
        return (
            "The checkpoint was chosen on `val84` by training on `train756`, and nothing on the test photos; "
            "`docs/experiments.md` says how often these were looked at."
        )
    return (
        f"The checkpoint and the threshold of {info.threshold:g} were chosen on `val84` by training on `train756`; "
        "`docs/experiments.md` says how often the test photos were looked at."
    )


def _others(reports: Sequence[Report]) -> str:
    rows = [
        [
            report.data,
            str(len(report.photos)),
            f"{report.counts.iou:.4f}",
            f"{report.counts.f1:.4f}",
            f"{report.per_photo.mean:.4f} / {report.per_photo.p5:.4f}",
            f"{report.boundary:.4f}",
            f"{100 * report.grey.value:+.2f}",
        ]
        for report in reports
    ]
    head = ["other photos", "photos", "IoU", "F1", "per photo: mean / p5", "boundary F", "grey, points"]
    return markdown(head, rows)


def _limits() -> str:
    return (
        "A beard is not hair here, and neither is a hat; eyebrows and fur are not either. Hair of bystanders was not "
        "labelled in training. Heads that fill little of the photo, dreadlocks, and hair against a background of its "
        "own colour are where it fails first; `hairseg evaluate --out FOLDER` writes sheets of the worst photos. The "
        "masks' own borders are uncertain by a pixel or two. Not for identifying people or judging them."
    )


def _worst(report: Report) -> str:
    """Where to look first: photos are not shown, since they are not ours to show."""
    photos = sorted(report.photos, key=lambda photo: photo.counts.iou)[:WORST]
    rows = []
    for photo in photos:
        union = max(photo.counts.tp + photo.counts.fp + photo.counts.fn, 1)
        shares = [
            f"{photo.counts.iou:.4f}",
            f"{photo.counts.fp / union:.1%}",
            f"{photo.counts.fn / union:.1%}",
        ]
        rows.append([photo.name, photo.style, *shares])
    head = ["the worst photos", "hairstyle", "IoU", "invented", "missed"]
    return f"{markdown(head, rows)}\n\nInvented and missed are shares of what is hair in the mask or by the truth."


def _curve(epochs: Sequence[dict[str, Any]]) -> str:
    """The training as a table: epochs with a validation, evenly, to the last one."""
    scored = [line for line in epochs if "iou" in line and "validation_loss" in line]
    if not scored:
        return ""
    step = -(-len(scored) // EPOCHS)
    rows = [
        [
            f"{line['epoch']} of {epochs[-1]['epoch']}",
            f"{line['size']} px",
            f"{line['loss']:.4f}",
            f"{line['validation_loss']:.4f}",
            f"{line['iou']:.4f}",
        ]
        for line in scored[::-1][::step][::-1]
    ]
    head = ["epoch", "views up to", "training loss", "validation loss", "validation IoU at 0.5"]
    return f"{TRAINING}\n\n{markdown(head, rows)}"


def _told(card: str) -> str:
    """What a card says of the training, with the sentences that a person added."""
    found, rest = card.partition(f"\n{TRAINING}\n")[1:]
    section = rest.partition("\n## ")[0].rstrip()
    return f"{TRAINING}\n{section}" if found else ""


def _again(info: ModelInfo, recipe: dict[str, Any], metadata: dict[str, Any]) -> str:
    half = metadata.get("half_difference")
    stored = (
        f" Weights are stored as float16, which changes a probability by {half[1]:.1e} on average, {half[0]:.1e} at "
        f"most{', on these photos' if metadata.get('parity_photos') else ''}."
        if half
        else ""
    )
    publish = f"hairseg publish runs/<date>-{recipe['name']}"
    if metadata["threshold"] != THRESHOLD:
        publish += f" --threshold {metadata['threshold']:g}"
    if metadata.get("color_share"):
        publish += f" --color-share {metadata['color_share']:g}"
    if "calibration" in metadata:
        publish += " --weights int8"
        stored = (
            f" Then static int8: one scale per channel for weights (7 bits, so that no processor overflows), one per "
            f"tensor for activations, calibrated on {metadata['calibration']} of the training photos."
        )
    shown = {key: recipe[key] for key in ("optimizer", "backbone_rate", "head_rate", "seed", "ema", "dice")}
    return (
        f"```\nhairseg train recipes/{info.recipe}\n{publish}\n```\n\n"
        f"{json.dumps(shown)}. Float32 parity of the exported graph with torch over five sizes{_photos(metadata)}: "
        f"{metadata['parity']:.1e}.{stored}\n\nsha256 `{info.sha256()}`"
    )


def _photos(metadata: dict[str, Any]) -> str:
    """Older exports were compared on random canvases alone."""
    count = metadata.get("parity_photos", 0)
    return f" and {count} of `val84`'s photos" if count else ""
