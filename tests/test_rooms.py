"""The rooms of docs/architecture.md: imports go down, and the picture follows them."""

import pytest

from docs import build, rooms


def test_the_picture_of_the_rooms_follows_the_imports(tmp_path, monkeypatch, capsys):
    found, uses = rooms.plan()
    assert {"training", "networks", "data", "serving", "pictures", "tuner"} <= set(found)
    assert "networks" in uses["training"] and "training" in uses["tuner"]
    monkeypatch.setattr(build, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").touch()
    assert build.main(["--check"]) == 1
    assert "rooms.svg differs" in capsys.readouterr().err
    assert build.main([]) == build.main(["--check"]) == 0


def test_imports_go_down_only():
    _, uses = rooms.plan()
    height = rooms.levels(uses)
    assert all(height[name] > height[other] for name in uses for other in uses[name])
    # The tuner is a package of its own, and nobody imports a command line.
    assert not [n for n, others in uses.items() if {"tuner", "command lines"} & others]
    # Publishing and asking models do without HTTP.
    assert [n for n, others in uses.items() if "server" in others] == ["command lines"]


def test_rooms_that_import_each_other_are_found():
    with pytest.raises(ValueError, match="a → b → a"):
        rooms.levels({"a": {"b"}, "b": {"a"}})
    assert rooms.shortest({"a": {"b", "c"}, "b": {"c"}, "c": set()})["a"] == {"b"}


def test_a_module_in_no_room_is_an_error():
    with pytest.raises(ValueError, match=r"keras_pairs\.new: in no room"):
        rooms.room("keras_pairs.new")
