package shop;

public final class PriceTest {
    public static void main(String[] args) {
        long sum = new Price(150).plus(new Price(250)).cents();
        if (sum != 400) {
            throw new AssertionError("expected 400 but was " + sum);
        }
        System.out.println("1 test passed");
    }
}
