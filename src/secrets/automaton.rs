//! Finds many words at once in a stream of letters (Aho and Corasick, 1975): it steps letter by letter and knows how
//! much of a word it has seen, which lets a stream wait for the rest.

/// Where in the words a stream stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State(u32);

impl State {
    pub(super) const ROOT: Self = Self(0);
}

/// Nodes of this depth and more are rarely reached: they have edges only, those before a table of all letters.
const RARE: u32 = 3;

/// The letters are numbers below `letters`; 0 begins no word.
#[derive(Clone)]
pub(super) struct Automaton {
    letters: usize,
    /// By depth, so that a node's children stand in a row.
    nodes: Vec<Node>,
    /// For each of the first nodes, the next node by letter.
    table: Vec<u32>,
    /// How many nodes that are.
    tabled: u32,
    longest: usize,
}

#[derive(Clone, Copy, Default)]
struct Node {
    /// What leads here.
    letter: u8,
    depth: u32,
    /// The children, from the first to before the last.
    first: u32,
    last: u32,
    /// The longest end of what was seen that begins a word, too.
    fail: u32,
    /// Letters of the longest end of what was seen that may yet become a word.
    begun: u32,
    /// The longest word that ends here, from 1, and its length.
    word: u32,
    length: u32,
}

impl Automaton {
    pub(super) fn new<'a>(letters: usize, words: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut tree: Vec<(u32, Vec<(u8, usize)>)> = vec![(0, Vec::new())];
        let mut lengths = Vec::new();
        for word in words {
            lengths.push(word.len());
            let mut node = 0;
            for &letter in word {
                let child = tree[node].1.iter().find(|(l, _)| *l == letter).map(|(_, child)| *child);
                node = child.unwrap_or_else(|| {
                    let new = tree.len();
                    tree[node].1.push((letter, new));
                    tree.push((0, Vec::new()));
                    new
                });
            }
            tree[node].0 = count(lengths.len());
        }
        let longest = lengths.iter().copied().max().unwrap_or(0);
        // Breadth first: each node's children get the next free numbers.
        let mut order = vec![0];
        let mut nodes = vec![Node::default()];
        let mut at = 0;
        while at < order.len() {
            let (word, children) = &tree[order[at]];
            nodes[at].word = *word;
            nodes[at].length = (*word as usize).checked_sub(1).map_or(0, |word| count(lengths[word]));
            nodes[at].first = count(nodes.len());
            let depth = nodes[at].depth + 1;
            for (letter, child) in children {
                order.push(*child);
                nodes.push(Node { letter: *letter, depth, ..Node::default() });
            }
            nodes[at].last = count(nodes.len());
            at += 1;
        }
        let mut automaton = Self { letters, nodes, table: Vec::new(), tabled: 0, longest };
        automaton.link();
        automaton
    }

    /// Sets failure links and the table, nearest to the root first.
    fn link(&mut self) {
        for at in 0..self.nodes.len() {
            let node = self.nodes[at];
            let shorter = self.nodes[node.fail as usize];
            self.nodes[at].begun = if node.first < node.last { node.depth } else { shorter.begun };
            if node.word == 0 {
                self.nodes[at].word = shorter.word;
                self.nodes[at].length = shorter.length;
            }
            for child in node.first..node.last {
                let letter = self.nodes[child as usize].letter;
                // From the root, one letter leads to itself, which is no end of it.
                let fail = if at == 0 { State::ROOT } else { self.next(State(node.fail), letter) };
                self.nodes[child as usize].fail = fail.0;
            }
            if node.depth < RARE {
                let row = self.table.len();
                if at == 0 {
                    self.table.resize(self.letters, 0);
                } else {
                    let start = node.fail as usize * self.letters;
                    self.table.extend_from_within(start..start + self.letters);
                }
                for child in node.first..node.last {
                    self.table[row + usize::from(self.nodes[child as usize].letter)] = child;
                }
                self.tabled += 1;
            }
        }
    }

    #[inline]
    pub(super) fn next(&self, state: State, letter: u8) -> State {
        let mut node = state.0;
        while node >= self.tabled {
            let Node { first, last, fail, .. } = self.nodes[node as usize];
            if let Some(child) = (first..last).find(|child| self.nodes[*child as usize].letter == letter) {
                return State(child);
            }
            node = fail;
        }
        State(self.table[node as usize * self.letters + usize::from(letter)])
    }

    /// The longest word that ends here: its number, in the order they were given in, and its length.
    #[inline]
    pub(super) fn found(&self, state: State) -> Option<(usize, usize)> {
        let node = &self.nodes[state.0 as usize];
        (node.word != 0).then(|| (node.word as usize - 1, node.length as usize))
    }

    /// How many letters have been seen of what may yet become a word.
    pub(super) fn begun(&self, state: State) -> usize {
        self.nodes[state.0 as usize].begun as usize
    }

    /// Letters of the longest word.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }
}

/// Secrets are no gigabytes: their letters can be counted in 32 bits.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
