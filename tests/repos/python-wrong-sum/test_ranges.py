import unittest

from ranges import sum_to


class SumToTest(unittest.TestCase):
    def test_four(self):
        self.assertEqual(sum_to(4), 10)

    def test_nothing(self):
        self.assertEqual(sum_to(0), 0)
