import unittest

from circle import area


class AreaTest(unittest.TestCase):
    def test_unit_circle(self):
        self.assertAlmostEqual(area(1), 3.14159, places=4)
