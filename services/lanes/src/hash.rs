//! SHA-512 (FIPS 180-4) of eight messages, one a lane: points are hashed to, and proofs weighed, by the million.

use core::{
    arch::x86_64::{
        _mm512_add_epi64, _mm512_mask_blend_epi64, _mm512_ror_epi64, _mm512_srli_epi64, _mm512_ternarylogic_epi64,
    },
    array::from_fn,
};

use crate::field::{Bits, V, lanes, load, splat, store};

/// Bytes of a block.
const BLOCK: usize = 128;
/// Bytes behind a message: a bit, and its length as 128 bits.
const TAIL: usize = 17;
/// The fractional parts of the square roots of the first 8 primes.
const START: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];
/// The fractional parts of the cube roots of the first 80 primes.
const ROUNDS: [u64; 80] = [
    0x428a_2f98_d728_ae22,
    0x7137_4491_23ef_65cd,
    0xb5c0_fbcf_ec4d_3b2f,
    0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538,
    0x59f1_11f1_b605_d019,
    0x923f_82a4_af19_4f9b,
    0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242,
    0x1283_5b01_4570_6fbe,
    0x2431_85be_4ee4_b28c,
    0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f,
    0x80de_b1fe_3b16_96b1,
    0x9bdc_06a7_25c7_1235,
    0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2,
    0xefbe_4786_384f_25e3,
    0x0fc1_9dc6_8b8c_d5b5,
    0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275,
    0x4a74_84aa_6ea6_e483,
    0x5cb0_a9dc_bd41_fbd4,
    0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab,
    0xa831_c66d_2db4_3210,
    0xb003_27c8_98fb_213f,
    0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2,
    0xd5a7_9147_930a_a725,
    0x06ca_6351_e003_826f,
    0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc,
    0x2e1b_2138_5c26_c926,
    0x4d2c_6dfc_5ac4_2aed,
    0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de,
    0x766a_0abb_3c77_b2a8,
    0x81c2_c92e_47ed_aee6,
    0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364,
    0xa81a_664b_bc42_3001,
    0xc24b_8b70_d0f8_9791,
    0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218,
    0xd699_0624_5565_a910,
    0xf40e_3585_5771_202a,
    0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8,
    0x1e37_6c08_5141_ab53,
    0x2748_774c_df8e_eb99,
    0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63,
    0x4ed8_aa4a_e341_8acb,
    0x5b9c_ca4f_7763_e373,
    0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc,
    0x78a5_636f_4317_2f60,
    0x84c8_7814_a1f0_ab72,
    0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28,
    0xa450_6ceb_de82_bde9,
    0xbef9_a3f7_b2c6_7915,
    0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c,
    0xd186_b8c7_21c0_c207,
    0xeada_7dd6_cde0_eb1e,
    0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba,
    0x0a63_7dc5_a2c8_98a6,
    0x113f_9804_bef9_0dae,
    0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84,
    0x32ca_ab7b_40c7_2493,
    0x3c9e_be0a_15c9_bebc,
    0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6,
    0x597f_299c_fc65_7e2a,
    0x5fcb_6fab_3ad6_faec,
    0x6c44_198c_4a47_5817,
];
/// One where an odd number of three bits are.
const XOR: i32 = 0x96;
/// The second where the first is one, else the third.
const CHOICE: i32 = 0xca;
/// What two of three say.
const MAJORITY: i32 = 0xe8;

lanes! {
fn sum(all: &[V]) -> V {
    let mut sum = all[0];
    for one in &all[1..] {
        sum = _mm512_add_epi64(sum, *one);
    }
    sum
}

fn xor(a: V, b: V, c: V) -> V {
    _mm512_ternarylogic_epi64::<XOR>(a, b, c)
}

/// Takes up a block, whose words stand in `w`.
fn compress(state: &[V; 8], mut w: [V; 16]) -> [V; 8] {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (round, constant) in ROUNDS.iter().enumerate() {
        let at = round % 16;
        if round >= 16 {
            let (near, far) = (w[(at + 1) % 16], w[(at + 14) % 16]);
            let near = xor(_mm512_ror_epi64::<1>(near), _mm512_ror_epi64::<8>(near), _mm512_srli_epi64::<7>(near));
            let far = xor(_mm512_ror_epi64::<19>(far), _mm512_ror_epi64::<61>(far), _mm512_srli_epi64::<6>(far));
            w[at] = sum(&[w[at], near, w[(at + 9) % 16], far]);
        }
        let turned = xor(_mm512_ror_epi64::<14>(e), _mm512_ror_epi64::<18>(e), _mm512_ror_epi64::<41>(e));
        let choice = _mm512_ternarylogic_epi64::<CHOICE>(e, f, g);
        let one = sum(&[h, turned, choice, w[at], splat(constant.cast_signed())]);
        let turned = xor(_mm512_ror_epi64::<28>(a), _mm512_ror_epi64::<34>(a), _mm512_ror_epi64::<39>(a));
        let two = _mm512_add_epi64(turned, _mm512_ternarylogic_epi64::<MAJORITY>(a, b, c));
        (h, g, f, e) = (g, f, e, _mm512_add_epi64(d, one));
        (d, c, b, a) = (c, b, a, _mm512_add_epi64(one, two));
    }
    let end = [a, b, c, d, e, f, g, h];
    from_fn(|k| _mm512_add_epi64(state[k], end[k]))
}

/// The hashes of up to eight messages, of any lengths.
pub fn sha512(messages: &[Vec<u8>]) -> [[u8; 64]; 8] {
    let blocks = |message: &Vec<u8>| (message.len() + TAIL).div_ceil(BLOCK);
    let most = messages.iter().map(blocks).max().unwrap_or_default();
    let mut padded = vec![[0_u8; BLOCK]; most * 8];
    let mut ends = [0; 8];
    for (lane, message) in messages.iter().take(8).enumerate() {
        let mine = padded[lane * most..][..most].as_flattened_mut();
        mine[..message.len()].copy_from_slice(message);
        mine[message.len()] = 0x80;
        ends[lane] = blocks(message);
        let bits = (message.len() as u64 * 8).to_be_bytes();
        mine[..ends[lane] * BLOCK][ends[lane] * BLOCK - 8..].copy_from_slice(&bits);
    }
    let mut state: [V; 8] = from_fn(|k| splat(START[k].cast_signed()));
    for block in 0..most {
        let word = |k: usize| {
            let of = |lane: usize| from_fn(|n| padded[lane * most + block][k * 8 + n]);
            load(&from_fn(|lane| u64::from_be_bytes(of(lane))))
        };
        let next = compress(&state, from_fn(word));
        let going: Bits = (0..8).fold(0, |bits, lane| bits | Bits::from(block < ends[lane]) << lane);
        state = from_fn(|k| _mm512_mask_blend_epi64(going, state[k], next[k]));
    }
    let mut out = [[0; 64]; 8];
    for (k, words) in state.iter().enumerate() {
        for (out, word) in out.iter_mut().zip(store(*words)) {
            out[k * 8..][..8].copy_from_slice(&word.to_be_bytes());
        }
    }
    out
}
}
