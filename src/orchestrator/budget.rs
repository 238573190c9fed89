//! What may still be spent: wall clock, tokens, dollars. Asked before each request and each run, so that no limit is
//! found broken afterwards.

use std::time::{Duration, Instant};

use crate::contract::fix::Usage;
use crate::contract::model::Limits;
use crate::contract::outcome::Budget;
use crate::contract::report::{BudgetReport, Spent};

#[derive(Debug, Clone)]
pub struct Purse {
    deadline: Instant,
    tokens: u64,
    spent_tokens: u64,
    /// Dollars.
    cost: Option<f64>,
    spent_cost: f64,
    unpriced_calls: u32,
}

impl Purse {
    #[must_use]
    pub fn new(started: Instant, time: Duration, tokens: u64, cost: Option<f64>) -> Self {
        Self { deadline: started + time, tokens, spent_tokens: 0, cost, spent_cost: 0.0, unpriced_calls: 0 }
    }

    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// What the next question may cost; the budget that is already spent, where one is.
    pub fn limits(&self) -> Result<Limits, Budget> {
        let tokens = self.tokens.saturating_sub(self.spent_tokens);
        let cost = self.cost.map(|c| c - self.spent_cost);
        if tokens == 0 {
            Err(Budget::Tokens)
        } else if cost.is_some_and(|c| c <= 0.0) {
            Err(Budget::Cost)
        } else if self.time_left().is_zero() {
            Err(Budget::Time)
        } else {
            Ok(Limits { tokens, cost, deadline: self.deadline })
        }
    }

    pub fn book(&mut self, usage: Usage) {
        self.spent_tokens = self.spent_tokens.saturating_add(usage.tokens());
        match usage.cost {
            Some(cost) => self.spent_cost += cost,
            None if usage.tokens() > 0 => self.unpriced_calls += 1,
            None => {}
        }
    }

    /// Writes what was spent beside what was allowed.
    pub fn report(&self, into: &mut BudgetReport) {
        into.tokens = Spent { spent: self.spent_tokens, limit: Some(self.tokens) };
        into.cost = Spent { spent: self.spent_cost, limit: self.cost };
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
        let mut purse = Purse::new(Instant::now(), Duration::from_secs(60), 100, Some(0.5));
        assert_eq!(purse.limits().map(|l| l.tokens), Ok(100));
        purse.book(usage(40, Some(0.1)));
        assert_eq!(purse.limits().map(|l| l.tokens), Ok(60));
        purse.book(usage(10, Some(0.4)));
        assert_eq!(purse.limits().map(|l| l.tokens), Err(Budget::Cost));
        purse.book(usage(1000, None));
        assert_eq!(purse.limits().map(|l| l.tokens), Err(Budget::Tokens));
        let spent = Purse::new(Instant::now(), Duration::ZERO, 100, None);
        assert_eq!(spent.limits().map(|l| l.tokens), Err(Budget::Time));
    }
}
