//! Medians.

/// The middle value of a non-empty list.
pub fn median(values: &[i64])->Option<i64> {
    let mut sorted=values.to_vec();
    sorted.sort_unstable();
    sorted.get( sorted.len()/2 ).copied()
}

#[cfg(test)]
mod tests {
    #[test]
    fn middle_of_three() {
        assert_eq!(super::median(&[9, 1, 5]), Some(5));
    }
}
