//! Which numbers begin with what was typed, and where an address holds a conversation.

/// Digits of the longest number that is looked for.
const DIGITS: u32 = 9;
/// After `c_`.
const KEY: usize = 22;

/// The number itself, then those that go on after it, the newest people first: 4, then
/// 4000 to 4999, 400 to 499, 40 to 49.
pub fn beginning_with(number: i64) -> Vec<(i64, i64)> {
    let longest = 10_i64.pow(DIGITS);
    let mut all = vec![(number, number)];
    let mut step = 1;
    while 0 < number && number < longest / step / 10 {
        step *= 10;
        all.insert(1, (number * step, number * step + step - 1));
    }
    all
}

/// `https://chat.example/inbox/c_AAAAAAAAAAAAAAAAAAAAAA?show=resolved`
pub fn key_in(typed: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let mut starts = typed.match_indices("c_").map(|(at, _)| at);
    starts.find_map(|at| {
        let key = typed.get(at..at + 2 + KEY)?;
        key.bytes().all(plain).then_some(key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_begin_so_are_a_few_stretches_and_none_is_too_long() {
        let all = beginning_with(4);
        assert_eq!(all.first(), Some(&(4, 4)));
        assert_eq!(all.last(), Some(&(40, 49)));
        assert_eq!(all.get(1), Some(&(400_000_000, 499_999_999)));
        assert_eq!(beginning_with(0), [(0, 0)]);
        assert_eq!(beginning_with(999_999_999), [(999_999_999, 999_999_999)]);
        assert_eq!(beginning_with(i64::MAX / 2), [(i64::MAX / 2, i64::MAX / 2)]);
    }

    #[test]
    fn a_conversation_is_seen_in_an_address() {
        let key = "c_AAAAAAAAAAAAAAAAAAAA-_";
        assert_eq!(key_in(key), Some(key));
        assert_eq!(
            key_in(&format!("https://x.example/inbox/{key}?a=1")),
            Some(key)
        );
        for none in ["", "c_", "c_short", "c_AAAAAAAAAAAAAAAAAAAAé"] {
            assert_eq!(key_in(none), None, "{none}");
        }
    }
}
