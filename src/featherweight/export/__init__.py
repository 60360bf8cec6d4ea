"""A network for the compilers and runtimes that people ship, checked and described.

>>> subject = Subject("lenet-5", read("lenet-5.fwt"), of_data(load("mnist5k")))
>>> exported = export(subject, "onnx", Path("lenet-5.onnx"))
>>> exported.parity.max_rel_diff
"""

from featherweight.export.exporting import Exported as Exported
from featherweight.export.exporting import export as export
from featherweight.export.parity import Limits as Limits
from featherweight.export.parity import Parity as Parity
from featherweight.export.pictures import Pictures as Pictures
from featherweight.export.pictures import of_data as of_data
from featherweight.export.pictures import without_data as without_data
from featherweight.export.registry import find_target as find_target
from featherweight.export.registry import targets as targets
from featherweight.export.subject import Subject as Subject
from featherweight.export.target import Target as Target
