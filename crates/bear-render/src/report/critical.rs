//! The critical path: the steps that the end of a run waited for. To make any other step faster would not help.

use super::story::StepStory;

/// The path to the step that ended last, in the order in which it was gone; numbers of `steps`.
pub(super) fn path(steps: &[StepStory<'_>]) -> Vec<usize> {
    let ended = |&number: &usize| steps[number].ended;
    let last = |numbers: &mut dyn Iterator<Item = usize>| {
        numbers.filter(|number| ended(number).is_some()).max_by(|a, b| {
            // Of those that ended at once, the first in the plan.
            ended(a).partial_cmp(&ended(b)).unwrap_or(std::cmp::Ordering::Equal).then(b.cmp(a))
        })
    };
    let mut path = Vec::new();
    let mut next = last(&mut (0..steps.len()));
    while let Some(number) = next {
        path.push(number);
        next = last(&mut steps[number].after.iter().copied());
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use bear_core::step::StepKind;

    use super::super::story::Outcome;
    use super::*;

    fn step(after: &[usize], began: f64, ended: Option<f64>) -> StepStory<'static> {
        StepStory {
            kind: StepKind::Create,
            resource: "",
            group: None,
            after: after.to_vec(),
            began: Some(began),
            ended,
            outcome: Outcome::Succeeded,
            retries: Vec::new(),
            blocks: Vec::new(),
            checks: Vec::new(),
        }
    }

    #[test]
    fn it_goes_back_from_the_last_end_through_the_latest_of_what_came_before() {
        let steps = [
            step(&[], 0.0, Some(1.0)),
            step(&[], 0.0, Some(3.0)),
            step(&[0, 1], 3.0, Some(4.0)),
            step(&[0], 1.0, Some(3.5)),
            step(&[2], 4.0, None),
        ];
        assert_eq!(path(&steps), [1, 2]);
    }

    #[test]
    fn of_a_run_in_which_nothing_ended_there_is_none() {
        assert_eq!(path(&[step(&[], 0.0, None)]), [0_usize; 0]);
        assert_eq!(path(&[]), [0_usize; 0]);
    }
}
