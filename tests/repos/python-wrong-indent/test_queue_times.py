import unittest

from queue_times import longest


class LongestTest(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(longest([]), 0)

    def test_several(self):
        self.assertEqual(longest([3, 9, 4]), 9)
