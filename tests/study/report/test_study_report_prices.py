import re

import pytest

from sparsegan.study import load
from sparsegan.study.report import prices
from sparsegan.study.report.groups import groups
from sparsegan.study.report.lines import Curves
from study_of_seconds import study, write_cell
from well_formed import check


def curves_of(table):
    return Curves.of(table, groups(table))


def lefts(drawn):
    return [float(each) for each in re.findall(r'class="spot[^>]*left:([\d.]+)%', drawn)]


def test_quality_is_drawn_against_every_price(ended):
    drawn = prices.quality(curves_of(ended), "KID")
    titles = [re.search(r"<b>(.*?)</b>", each)[1] for each in drawn]
    assert titles == [
        *("KID against generator weights", "KID against weights of both networks"),
        *("KID against operations", "KID against seconds"),
    ]
    for each in drawn:
        assert check(each).text
    # dense, static, adapt: 4.01, 0.5 and 1.01 billion operations.
    full = 100 / 1.04
    assert lefts(drawn[2]) == pytest.approx([full, full * 0.5 / 4.01, full * 1.01 / 4.01], abs=0.01)
    assert lefts(drawn[3]) == pytest.approx([full, full / 2, full / 2], abs=0.01)
    assert "95 % interval" in drawn[0]


def test_the_balance_ratio_is_drawn_where_the_density_ended(ended):
    drawn = prices.balance(curves_of(ended))
    assert "Balance ratio against discriminator density" in check(drawn).text
    # All end at 60 %; on the way 20 % was logged.
    assert lefts(drawn) == pytest.approx([100 / 1.04] * 3, abs=0.01)


def test_without_a_finished_cell_there_is_no_chart(of):
    curves = curves_of(load(of.origin))
    assert prices.quality(curves, "KID") == ["", "", "", ""]
    assert prices.balance(curves) == ""


def test_the_points_of_an_arm_are_joined_along_its_axis(tmp_path):
    axes = {"method.interval": [1, 2, 3, 4, 5, 6, 7, 8]}
    of = study(tmp_path, axes=axes, seeds=[0])
    for index, cell in enumerate(of.cells):
        write_cell(of, cell.name, [0.5] * 3, operations=1e9 + index)
    drawn = prices.quality(curves_of(load(of.origin)), "KID")[2]
    assert drawn.count('class="link') == 1
    assert 'class="label' not in drawn
    assert re.findall(r'class="key c\d">(\w+)<', drawn) == ["dense", "adapt"]
    assert "One seed each." in drawn
