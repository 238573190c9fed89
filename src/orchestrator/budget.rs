//! What may still be spent of tokens and dollars: asked before each request, so that no limit is found broken afterwards.
//! Time is not here: it ends with the run's scope.

use crate::contract::fix::Usage;
use crate::contract::outcome::BudgetKind;
use crate::contract::report::{BudgetReport, Spent};

#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    tokens: Spent<u64>,
    /// Dollars.
    cost: Spent<f64>,
    unpriced_calls: u32,
}

impl Budget {
    #[must_use]
    pub fn new(tokens: u64, cost: Option<f64>) -> Self {
        Self {
            tokens: Spent { spent: 0, limit: Some(tokens) },
            cost: Spent { spent: 0.0, limit: cost },
            unpriced_calls: 0,
        }
    }

    /// Tokens and dollars left for the next question; the budget that is already spent, where one is.
    pub fn left(&self) -> Result<(u64, Option<f64>), BudgetKind> {
        let tokens = self.tokens.limit.unwrap_or(u64::MAX).saturating_sub(self.tokens.spent);
        let cost = self.cost.limit.map(|limit| limit - self.cost.spent);
        if tokens == 0 {
            Err(BudgetKind::Tokens)
        } else if cost.is_some_and(|c| c <= 0.0) {
            Err(BudgetKind::Cost)
        } else {
            Ok((tokens, cost))
        }
    }

    pub fn book(&mut self, usage: Usage) {
        self.tokens.spent = self.tokens.spent.saturating_add(usage.tokens());
        match usage.cost {
            Some(cost) => self.cost.spent += cost,
            None if usage.tokens() > 0 => self.unpriced_calls += 1,
            None => {}
        }
    }

    /// Writes what was spent beside what was allowed.
    pub fn report(&self, into: &mut BudgetReport) {
        into.tokens = self.tokens;
        into.cost = self.cost;
        into.unpriced_calls = self.unpriced_calls;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(tokens_in: u64, cost: Option<f64>) -> Usage {
        Usage { tokens_in, tokens_out: 0, cost, estimated: false }
    }

    #[test]
    fn nothing_is_asked_past_a_limit() {
        let mut budget = Budget::new(100, Some(0.5));
        assert_eq!(budget.left().map(|(tokens, _)| tokens), Ok(100));
        budget.book(usage(40, Some(0.1)));
        assert_eq!(budget.left().map(|(tokens, _)| tokens), Ok(60));
        budget.book(usage(10, Some(0.4)));
        assert_eq!(budget.left().map(|(tokens, _)| tokens), Err(BudgetKind::Cost));
        budget.book(usage(1000, None));
        assert_eq!(budget.left().map(|(tokens, _)| tokens), Err(BudgetKind::Tokens));
    }
}
