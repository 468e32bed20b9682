import numpy as np
import pytest
from PIL import Image

from hairseg.errors import OutputError
from hairseg.evaluation.plots import style_plot, threshold_plot
from hairseg.evaluation.protocol import evaluate

from .conftest import red_is_hair


@pytest.mark.parametrize(("plot", "size"), [(threshold_plot, (864, 576)), (style_plot, (864, 460))])
def test_a_plot_is_a_picture_with_something_in_it(toy_data, tmp_path, plot, size):
    report = evaluate(red_is_hair, toy_data, model="red")
    plot(report, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.size == size
        colours = np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)
    assert [0, 0x72, 0xB2] in colours.tolist()
    assert [0xD5, 0x5E, 0] in colours.tolist()


def test_a_place_that_cannot_be_written_is_named(toy_data, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"plot\.png cannot be written"):
        threshold_plot(evaluate(red_is_hair, toy_data), tmp_path / "file" / "plot.png")
