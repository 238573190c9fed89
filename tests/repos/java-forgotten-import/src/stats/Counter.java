package stats;

import java.util.Map;

/** Counts words. */
public final class Counter {
    private final Map<String, Integer> counts = new HashMap<>();

    public void add(String word) {
        counts.merge(word, 1, Integer::sum);
    }

    public int of(String word) {
        return counts.getOrDefault(word, 0);
    }
}
