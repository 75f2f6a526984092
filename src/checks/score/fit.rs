//! Fitting the weights of a task's signs: logistic regression, plain, with every weight held small.

use crate::checks::reading::clear::{SIGNS, Weights, unclear};

/// How strongly weights are held small; the constant is not.
const HOLD: f64 = 2.0;
/// How often all texts are gone through: after so many nothing moves any more.
const ROUNDS: usize = 400;
const STEP: f64 = 0.4;
const MOMENTUM: f64 = 0.9;

/// The signs of a task, and whether people called it unclear.
pub type Labelled = ([f64; SIGNS], bool);

/// The weights that explain these best. The same texts give the same weights.
pub fn fit(texts: &[&Labelled]) -> Weights {
    let mut weights = [0.0; SIGNS];
    let mut speed = [0.0; SIGNS];
    let count = f64::from(u32::try_from(texts.len().max(1)).unwrap_or(u32::MAX));
    for _ in 0..ROUNDS {
        let mut slope = [0.0; SIGNS];
        for (signs, bad) in texts {
            let off = unclear(signs, &weights) - f64::from(u8::from(*bad));
            for (slope, sign) in slope.iter_mut().zip(signs) {
                *slope += off * sign;
            }
        }
        for (at, ((weight, speed), slope)) in weights.iter_mut().zip(&mut speed).zip(slope).enumerate() {
            let hold = if at == 0 { 0.0 } else { HOLD };
            *speed = *speed * MOMENTUM - STEP * (slope + hold * *weight) / count;
            *weight += *speed;
        }
    }
    weights
}
