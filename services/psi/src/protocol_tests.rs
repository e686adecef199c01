//! Vectors of RFC 9497 (appendix A.1.2), the whole protocol beside another implementation of it, and what is refused.

use curve25519_dalek::{Scalar, constants::RISTRETTO_BASEPOINT_POINT as BASE};
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use proptest::prelude::*;
use sha2::{Digest as _, Sha512};
use voprf::{BlindedElement, EvaluationElement, Proof as OtherProof, Ristretto255, VoprfClient, VoprfServer};
use voprf_rand::OsRng;

use super::*;
use crate::{BadProof, Proof, group::Backend, verify};

fn hex<const N: usize>(text: &str) -> [u8; N] {
    HEX.decode(text.replace(char::is_whitespace, "").as_bytes())
        .unwrap()
        .try_into()
        .unwrap()
}

fn scalar(text: &str) -> Scalar {
    Scalar::from_canonical_bytes(hex(text)).unwrap()
}

/// `Finalize` of the RFC, whose last step ours differs in.
fn finalize(input: &[u8], unblinded: &Point) -> Vec<u8> {
    let length = u16::try_from(input.len()).unwrap().to_be_bytes();
    let parts: [&[u8]; 5] = [&length, input, &[0, 32], unblinded, b"Finalize"];
    Sha512::digest(parts.concat()).to_vec()
}

const KEY: &str = "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909";
const BLINDS: [&str; 2] = [
    "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706",
    "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
];

#[test]
fn the_vector_of_the_rfc_comes_out_at_every_step() {
    let key = Key::from_bytes(hex(KEY)).unwrap();
    assert_eq!(
        key.public(),
        hex::<32>("c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e")
    );
    let inputs: [&[u8]; 2] = [&[0], &[0x5a; 17]];
    let blinded: Vec<_> = inputs
        .iter()
        .zip(BLINDS)
        .map(|(input, blind)| (group::hash_to_group(input) * scalar(blind)).compress().to_bytes())
        .collect();
    assert_eq!(
        blinded,
        [
            hex::<32>("863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"),
            hex("90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654"),
        ]
    );
    let evaluated = key.evaluate(&blinded).unwrap();
    assert_eq!(
        evaluated,
        [
            hex::<32>("aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e"),
            hex("cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a"),
        ]
    );
    let random = scalar("419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c");
    let proof = key.prove_with(&blinded, &evaluated, random).unwrap();
    assert_eq!(
        proof,
        hex::<64>(
            "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a
             5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08"
        )
    );
    verify(&key.public(), &blinded, &evaluated, &proof).unwrap();
    for ((input, output), (blind, evaluated)) in inputs.iter().zip(OUTPUTS).zip(BLINDS.iter().zip(&evaluated)) {
        let point = group::read(evaluated).unwrap() * scalar(blind).invert();
        assert_eq!(finalize(input, &point.compress().to_bytes()), hex::<64>(output));
    }
}

const OUTPUTS: [&str; 2] = [
    "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d
     a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
    "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60
     356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6",
];

fn context() -> Context {
    Context::new(&[1; 32], &[2; 16], "loyalty", "joint-offers", 1)
}

fn phones(from: u64, count: u64) -> Vec<String> {
    (from..from + count).map(|one| format!("86138{one:08}")).collect()
}

fn people(phones: &[String]) -> impl Iterator<Item = (Kind, &[u8])> {
    phones.iter().map(|phone| (Kind::Phone, phone.as_bytes()))
}

fn tokens(secrets: &[Secret], context: &Context) -> Vec<Token> {
    secrets.iter().map(|secret| secret.token(context)).collect()
}

#[test]
fn both_sides_come_to_the_same_tokens_for_the_same_people_and_for_no_others() {
    let (context, key, blinds) = (context(), Key::from_random(&[7; 64]), Blinds::new([9; 32]));
    let (pool, list) = (phones(0, 100), phones(60, 80));
    let masked = key.mask(&context, people(&pool));
    let blinded = blinds.blind(&context, 1_000, people(&list));
    let evaluated = key.evaluate(&blinded).unwrap();
    let proof = key.prove(&blinded, &evaluated, &[3; 64]).unwrap();
    let proven = verify(&key.public(), &blinded, &evaluated, &proof).unwrap();
    let mine = blinds.unblind(1_000, &proven).unwrap();
    let (theirs, found) = (tokens(&masked, &context), tokens(&mine, &context));
    let common = found.iter().filter(|token| theirs.contains(token)).count();
    assert_eq!(common, 40);
    assert_eq!(theirs[60..], found[..40]);
    assert_eq!(*masked[60].release_key(&context), *mine[0].release_key(&context));
    assert_ne!(masked[60].release_key(&context)[..16], found[0].0);
}

#[test]
fn what_was_asked_for_one_thing_answers_no_other() {
    let key = Key::from_random(&[7; 64]);
    let asked = |owner, scope, pool, purpose, epoch| {
        let context = Context::new(&[owner; 32], &[scope; 16], pool, purpose, epoch);
        let secret = &key.mask(&context, [(Kind::Phone, b"8613800000001".as_slice())])[0];
        secret.token(&context)
    };
    let first = asked(1, 1, "a", "b", 1);
    for other in [
        asked(2, 1, "a", "b", 1),
        asked(1, 2, "a", "b", 1),
        asked(1, 1, "ab", "", 1),
        asked(1, 1, "", "ab", 1),
        asked(1, 1, "a", "b", 2),
    ] {
        assert_ne!(first, other);
    }
    let context = context();
    let same = b"8613800000001".as_slice();
    let both = key.mask(&context, [(Kind::Phone, same), (Kind::Email, same)]);
    assert_ne!(both[0].token(&context), both[1].token(&context));
}

#[test]
fn a_list_of_one_blind_comes_to_the_same_tokens_in_any_order() {
    let (context, key, blind) = (context(), Key::from_random(&[7; 64]), ListBlind::new(&[9; 32]));
    let list = phones(0, 30);
    let blinded = blind.blind(&context, people(&list));
    let other = ListBlind::new(&[8; 32]).blind(&context, people(&list));
    assert!(blinded.iter().all(|point| !other.contains(point)));
    let mut evaluated = key.evaluate(&blinded).unwrap();
    evaluated.reverse();
    let mut found = tokens(&blind.unblind(&evaluated).unwrap(), &context);
    found.reverse();
    assert_eq!(found, tokens(&key.mask(&context, people(&list)), &context));
}

#[test]
fn a_person_asked_for_twice_is_blinded_differently_each_time() {
    let blinds = Blinds::new([9; 32]);
    let twice = vec!["8613800000001".to_owned(); 2];
    let blinded = blinds.blind(&context(), 0, people(&twice));
    assert_ne!(blinded[0], blinded[1]);
    assert_ne!(blinded, Blinds::new([8; 32]).blind(&context(), 0, people(&twice)));
    assert!(opens(
        &context(),
        (Kind::Phone, twice[1].as_bytes()),
        blinds.open(1),
        &blinded[1]
    ));
    assert!(!opens(
        &context(),
        (Kind::Phone, b"8613800000002"),
        blinds.open(1),
        &blinded[1]
    ));
    assert!(!opens(
        &context(),
        (Kind::Phone, twice[1].as_bytes()),
        blinds.open(0),
        &blinded[1]
    ));
}

#[test]
fn what_is_no_point_is_refused_and_named() {
    let key = Key::from_random(&[7; 64]);
    let good = BASE.compress().to_bytes();
    // p + 2 is 2 written in another way; 1 is negative; the last bit set; zero is the identity.
    let mut other_way = [0xff; 32];
    (other_way[0], other_way[31]) = (0xef, 0x7f);
    let mut odd = [0; 32];
    odd[0] = 1;
    let mut high = good;
    high[31] |= 0x80;
    for bad in [[0; 32], other_way, odd, high, [0xff; 32]] {
        assert_eq!(key.evaluate(&[good, good, bad]), Err(BadPoint(2)));
        assert_eq!(verify(&key.public(), &[good], &[bad], &[0; 64]), Err(BadProof));
        assert_eq!(verify(&key.public(), &[bad], &[good], &[0; 64]), Err(BadProof));
        assert_eq!(verify(&bad, &[good], &[good], &[0; 64]), Err(BadProof));
    }
    assert!(Key::from_bytes([0; 32]).is_none());
    assert!(Key::from_bytes([0xff; 32]).is_none());
}

#[test]
fn an_answer_made_with_another_key_or_changed_on_the_way_is_found() {
    let (key, other) = (Key::from_random(&[7; 64]), Key::from_random(&[8; 64]));
    let list = phones(0, 5);
    let blinded = Blinds::new([9; 32]).blind(&context(), 0, people(&list));
    let evaluated = key.evaluate(&blinded).unwrap();
    let proof = key.prove(&blinded, &evaluated, &[3; 64]).unwrap();
    let public = key.public();
    let wrong = other.evaluate(&blinded).unwrap();
    let wrong_proof = other.prove(&blinded, &wrong, &[3; 64]).unwrap();
    assert_eq!(verify(&public, &blinded, &wrong, &wrong_proof), Err(BadProof));
    assert_eq!(verify(&public, &blinded, &wrong, &proof), Err(BadProof));
    let mut swapped = evaluated.clone();
    swapped.swap(1, 3);
    assert_eq!(verify(&public, &blinded, &swapped, &proof), Err(BadProof));
    let mut one_other = evaluated.clone();
    one_other[4] = wrong[4];
    assert_eq!(verify(&public, &blinded, &one_other, &proof), Err(BadProof));
    assert_eq!(verify(&public, &blinded, &evaluated[..4], &proof), Err(BadProof));
    assert_eq!(verify(&public, &[], &[], &proof), Err(BadProof));
    for place in 0..64 {
        let mut changed = proof;
        changed[place] ^= 1;
        assert_eq!(
            verify(&public, &blinded, &evaluated, &changed),
            Err(BadProof),
            "{place}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// `voprf` knows nothing of this crate: it accepts our proofs, we accept its, and both come to the same points.
    #[test]
    fn another_implementation_agrees_at_every_step(
        random in prop::array::uniform32(any::<u8>()),
        seed in prop::array::uniform32(any::<u8>()),
        count in 1..20_u64,
    ) {
        let key = Key::from_random(&[random, seed].concat().try_into().unwrap());
        let server = VoprfServer::<Ristretto255>::new_with_key(&*key.to_bytes()).unwrap();
        let (context, blinds, list) = (context(), Blinds::new(seed), phones(0, count));
        let blinded = blinds.blind(&context, 5, people(&list));
        let evaluated = key.evaluate(&blinded).unwrap();
        let proof = key.prove(&blinded, &evaluated, &[3; 64]).unwrap();
        let proven = verify(&key.public(), &blinded, &evaluated, &proof).unwrap();
        let unblinded = blinds.unblind(5, &proven).unwrap();

        let theirs: Vec<_> = blinded.iter().map(|one| BlindedElement::deserialize(one).unwrap()).collect();
        let answer = server.batch_blind_evaluate(&mut OsRng, &theirs).unwrap();
        let messages: Vec<Point> = answer.messages.iter().map(|one| one.serialize().into()).collect();
        prop_assert_eq!(&messages, &evaluated);
        let their_proof: Proof = answer.proof.serialize().into();
        prop_assert!(verify(&key.public(), &blinded, &messages, &their_proof).is_ok());

        // Their client multiplies by its blinds, as the RFC has it; we serve it, and it comes to what ours come to.
        let input = |phone: &String| [&context.0, b"phone\0".as_slice(), phone.as_bytes()].concat();
        let inputs: Vec<_> = list.iter().map(input).collect();
        let asked: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
        let begun: Vec<_> = asked.iter().map(|input| VoprfClient::<Ristretto255>::blind(input, &mut OsRng).unwrap()).collect();
        let points: Vec<Point> = begun.iter().map(|one| one.message.serialize().into()).collect();
        let served = key.evaluate(&points).unwrap();
        let proof = key.prove(&points, &served, &[4; 64]).unwrap();
        let clients: Vec<_> = begun.into_iter().map(|one| one.state).collect();
        let answers: Vec<_> = served.iter().map(|one| EvaluationElement::deserialize(one).unwrap()).collect();
        let proof = OtherProof::deserialize(&proof).unwrap();
        let outputs = VoprfClient::batch_finalize(&asked, &clients, &answers, &proof, server.get_public_key()).unwrap();
        for ((output, input), secret) in outputs.zip(&inputs).zip(&unblinded) {
            let output = output.unwrap().to_vec();
            prop_assert_eq!(&output, &finalize(input, &secret.0));
            prop_assert_eq!(&output, &server.evaluate(input).unwrap().to_vec());
        }
    }
}

/// Both backends on the same messages and points: enough of them that sums are made in lanes, and a last few that fill none.
#[test]
fn eight_at_a_time_gives_the_bytes_of_one_by_one() {
    let (here, plain) = (Backend::here(), Backend::OneByOne);
    let messages: Vec<_> = (0..603_u32)
        .map(|one| one.to_be_bytes().repeat(one as usize % 60))
        .collect();
    let scalars = plain.hash_to_scalars(&messages);
    assert_eq!(here.hash_to_scalars(&messages), scalars);
    let points = plain.hash_and_multiply(&messages, &scalars[7]);
    assert_eq!(here.hash_and_multiply(&messages, &scalars[7]), points);
    assert_eq!(
        points[0],
        (group::hash_to_group(&[]) * scalars[7] * Scalar::from(2_u8))
            .compress()
            .to_bytes()
    );
    assert_eq!(
        here.multiply(&points, &scalars[8]),
        plain.multiply(&points, &scalars[8])
    );
    assert_eq!(
        here.hash_and_add(&messages, |place| scalars[place]),
        plain.hash_and_add(&messages, |place| scalars[place])
    );
    let subtract = |backend: Backend, base| backend.subtract(&points, base, |place| scalars[place]);
    assert_eq!(subtract(here, &points[9]), subtract(plain, &points[9]));
    assert_eq!(subtract(here, &[0; 32]), Err(BadPoint(0)));
    assert_eq!(subtract(plain, &[0; 32]), Err(BadPoint(0)));
    assert_eq!(here.sum(&points, &scalars), plain.sum(&points, &scalars));
    let mut none = points;
    (none[300], none[602]) = ([0xff; 32], [0; 32]);
    for backend in [here, plain] {
        assert_eq!(backend.multiply(&none, &scalars[8]), Err(BadPoint(300)));
        assert_eq!(backend.sum(&none, &scalars), Err(BadPoint(300)));
        assert_eq!(
            backend.subtract(&none, &none[9], |place| scalars[place]),
            Err(BadPoint(300))
        );
    }
}
