package stats;

public final class CounterTest {
    public static void main(String[] args) {
        Counter counter = new Counter();
        counter.add("a");
        counter.add("a");
        if (counter.of("a") != 2 || counter.of("b") != 0) {
            throw new AssertionError("wrong counts");
        }
        System.out.println("1 test passed");
    }
}
