"""Fragments keep their meaning when their ids are renamed."""

from trm_lib.viz.style import unique_ids


def test_every_way_of_pointing_at_an_id_is_renamed():
    before = (
        '<svg aria-labelledby="t d"><style>#a .b, #t{fill:#abc}</style>'
        '<title id="t">T</title><desc id="d">D</desc><clipPath id="a"/>'
        '<use href="#a"/><use xlink:href="#a"/><g clip-path="url(#a)" mask="url(&quot;#a&quot;)"/>'
        "<g style=\"fill:url('#a')\"/><animate id='m' begin=\"0s;m.end+1s\" end='a.click'/>"
        '<label for="a">L</label></svg>'
    )
    after = (
        '<svg aria-labelledby="p-t p-d"><style>#p-a .b, #p-t{fill:#abc}</style>'
        '<title id="p-t">T</title><desc id="p-d">D</desc><clipPath id="p-a"/>'
        '<use href="#p-a"/><use xlink:href="#p-a"/>'
        '<g clip-path="url(#p-a)" mask="url(&quot;#p-a&quot;)"/>'
        "<g style=\"fill:url('#p-a')\"/><animate id='p-m' begin=\"0s;p-m.end+1s\" end='p-a.click'/>"
        '<label for="p-a">L</label></svg>'
    )
    assert unique_ids(before, "p-") == after


def test_what_is_not_an_id_of_the_fragment_is_left_alone():
    fragment = (
        '<p data-id="x" aria-label="x y">x</p><a id="x" href="#elsewhere">1.5</a>'
        '<style>.c{color:#x}</style><animate begin="1.5s" dur="2.5s"/>'
    )
    assert unique_ids(fragment, "p-") == fragment.replace(' id="x"', ' id="p-x"')
