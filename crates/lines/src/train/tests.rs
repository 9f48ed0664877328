use super::net::{Network, Scale};
use super::*;
use crate::calibration::Level;
use crate::network::{CHANNELS, EMBEDDING};
use crate::testing::{cues, options, page, pages};
use crate::{Model, Scratch};

fn inputs(pages: &[LabelledPage], vocabulary: &[u32]) -> Vec<Input> {
    let words = Words::new(vocabulary);
    pages.iter().map(|page| input(page, &words, &cues(), &mut Page::default())).collect()
}

#[test]
fn gradients_agree_with_differences() {
    let pages = pages(2);
    let borrowed: Vec<&LabelledPage> = pages.iter().collect();
    let vocabulary = vocabulary(&borrowed, &cues(), &Options { word_outlets: 1, ..options() });
    let inputs = inputs(&pages, &vocabulary);
    let scale = Scale::new(inputs.iter().flat_map(|input| &input.rows));
    let mut network = Network::random(vocabulary.len(), scale, 5);
    let input = &inputs[0];
    let mut pass = Pass::default();
    network.forward(input, &mut pass, None);
    let mut gradient = zero_gradient(&network.params);
    network.backward(input, &mut pass, 1.0, 0.3, &mut gradient);
    network.finish_gradient(&mut gradient);
    let loss = |network: &Network| {
        let mut pass = Pass::default();
        network.forward(input, &mut pass, None);
        network.loss(input, &pass, 0.3)
    };
    let layout = network.params.layout;
    let places = [
        layout.slope + 3,
        layout.table + usize::from(input.rows[4][2]),
        layout.kinds,
        layout.kinds + 1,
        layout.embed + 2,
        layout.bias1,
        layout.conv2 + 30,
        layout.bias2,
        layout.step + 1,
        layout.step_bias,
        layout.conv3 + 40,
        layout.bias3,
        layout.states + 2,
        layout.states + 15,
        layout.pool + 7,
        layout.out,
        layout.early,
        layout.out_bias,
        layout.words + usize::from(input.ids[0]) * EMBEDDING / CHANNELS,
    ];
    let mut compared = 0;
    let mut differing = Vec::new();
    for row in places {
        for channel in 0..CHANNELS {
            let expected = gradient.rows[row][channel];
            let step = 5e-4;
            let before = network.params.rows[row][channel];
            let mut at = |value: f32| {
                network.params.rows[row][channel] = value;
                network.derive();
                loss(&network)
            };
            let (up, down) = (at(before + step), at(before - step));
            at(before);
            let found = ((up - down) / f64::from(2.0 * step)) as f32;
            let agree = (found - expected).abs() < 1e-3 + 0.03 * expected.abs();
            compared += usize::from(expected.abs() > 1e-4);
            if !agree {
                differing.push((row, channel, found, expected));
            }
        }
    }
    // A step across the corner of an activation differs.
    assert!(differing.len() * 50 < compared, "{differing:?}");
    assert!(compared > 100, "only {compared} gradients are not zero");
}

#[test]
fn kinds_weigh_more_alike_and_pages_as_before() {
    let targets = [1.0, 0.0, 0.0, 0.0, 0.0];
    let mut weights = [1.0; 5];
    balance(&mut weights, &targets);
    let (article, boilerplate) = (weights[0], weights[1..].iter().sum::<f32>());
    assert!((article + boilerplate - 5.0).abs() < 1e-4);
    assert!((boilerplate / article - 2.0).abs() < 1e-4, "the root of four");
    let mut alone = [1.0; 3];
    balance(&mut alone, &[0.0; 3]);
    assert_eq!(alone, [1.0; 3]);
}

#[test]
fn training_separates_article_from_boilerplate() {
    let training = pages(60);
    let (model, judged) = train(&training, &cues(), &options(), |_| ()).expect("it trains");
    let figures = figures(judged.iter().map(|judged| (judged, 0)), true);
    assert!(figures.removed > 0.95 && figures.lost < 0.05 && figures.f1 > 0.95, "{figures:?}");

    let table =
        reliability(&judged, &training[0].form, options().folds).expect("pages of both forms");
    let (first, last) = (table[0], table[table.len() - 1]);
    assert!(first.lines > 20 && first.boilerplate < 10.0, "{table:?}");
    assert!(last.lines > 20 && last.boilerplate > 90.0, "{table:?}");

    // A page of no outlet that it saw.
    let unseen = page(1000, false);
    let mut scratch = Scratch::default();
    let judgements = model.judge(unseen.lines.iter().map(String::as_str), &cues(), &mut scratch);
    let threshold = judgements.threshold(Level::Balanced);
    for (line, label) in unseen.labels.iter().enumerate() {
        if *label != Label::Neutral {
            let removed = judgements.removes(line, threshold);
            assert_eq!(removed, *label == Label::Boilerplate, "{}", unseen.lines[line]);
        }
    }
}

#[test]
fn training_is_deterministic_for_any_number_of_threads() {
    let pages = pages(20);
    let with = |threads, seed| {
        let options = Options { epochs: 2, threads, seed, ..options() };
        let (model, _) = train(&pages, &cues(), &options, |_| ()).expect("it trains");
        model.to_bytes()
    };
    let one = with(1, 7);
    assert!(one == with(3, 7));
    assert!(one != with(1, 8));
}

#[test]
fn integers_agree_with_floating_point() {
    let pages = pages(30);
    let borrowed: Vec<&LabelledPage> = pages.iter().collect();
    let (trained, training) = train_network(&borrowed, &cues(), &options(), |_, _| ());
    let judged = judge(&borrowed, &trained, &cues(), &training, 1);
    let (mut lines, mut total) = (0, 0.0);
    for (judged, input) in judged.iter().zip(inputs(&pages, &trained.vocabulary)) {
        let mut pass = Pass::default();
        trained.network.forward(&input, &mut pass, None);
        assert_eq!(judged.scores.len(), pass.logits.len());
        for (score, logit) in judged.scores.iter().zip(pass.logits) {
            let difference = (*score as f32 / 256.0 - logit).abs();
            assert!(difference < 0.1 + 0.1 * logit.abs(), "{score} and {logit}");
            total += difference;
            lines += 1;
        }
    }
    assert!(
        lines > 500 && total / (lines as f32) < 0.1,
        "mean difference {}",
        total / lines as f32
    );
}

#[test]
fn too_few_pages_are_an_error() {
    for pages in [&[][..], &[page(0, false)]] {
        let options = Options { epochs: 1, ..options() };
        assert_eq!(train(pages, &cues(), &options, |_| ()).err(), Some(TrainError::Pages));
    }
}

#[test]
fn the_careful_level_removes_less_than_the_full_level() {
    let model = crate::testing::model();
    let page = page(3, false);
    let mut scratch = Scratch::default();
    let judgements = model.judge(page.lines.iter().map(String::as_str), &cues(), &mut scratch);
    let thresholds = Level::ALL.map(|level| judgements.threshold(level));
    assert!(thresholds.is_sorted(), "{thresholds:?}");
    assert!((0..page.lines.len()).all(|line| !judgements.removes(line, thresholds[0])));
}

#[test]
fn a_model_file_gives_the_model_back() {
    let model = crate::testing::model();
    let bytes = model.to_bytes();
    let again = Model::from_bytes(&bytes).expect("it was just written");
    assert_eq!(again.to_bytes(), bytes);
    assert_eq!(again.digest(), model.digest());
    assert_eq!(again.cues_digest(), cues().digest());
}
