//! Drawing the Mandelbrot set: a picture whose rows cost very different amounts of CPU.
//!
//! A point inside the set takes every iteration allowed, a point far outside takes two or three. So
//! equal chunks of rows are very unequal work (one row of the whole set costs up to sixty times
//! another), and a schedule that deals them out in advance leaves cores idle. That is the purpose:
//! no shortcut (cardioid test, mirror image) evens the cost out.
//!
//! Same view, same bytes, on every machine: the arithmetic is additions, multiplications and square
//! roots of `f64`, which IEEE 754 defines to the last bit; there is no logarithm of a C library.

use std::io;
use std::ops::Range;

use thiserror::Error;

/// Bytes of one pixel: red, green, blue.
pub const PIXEL_BYTES: usize = 3;

/// A point has left for good once its squared distance passes 4; going on to 2^16 makes the smooth
/// colouring smooth and costs two or three iterations.
const ESCAPE_NORM: f64 = 65_536.0;

/// The colours from far outside to near the set, then again from the first: dark blue is reached at
/// the 5 iterations of the corners, white at 20, orange at 31.
const PALETTE: [[u8; PIXEL_BYTES]; 6] = [
    [120, 30, 10],
    [0, 2, 30],
    [0, 7, 100],
    [32, 107, 203],
    [237, 255, 255],
    [255, 170, 0],
];

/// The part of the complex plane to draw, and how finely.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The real part of the centre of the picture.
    pub center_re: f64,
    /// The imaginary part of the centre of the picture.
    pub center_im: f64,
    /// The width of the picture in the complex plane; its height follows from the pixels.
    pub width: f64,
    /// Pixels in a row. 16 bits: a side of 65 535 pixels is 13 GB of picture already.
    pub pixels_wide: u16,
    /// Rows.
    pub pixels_high: u16,
    /// A point that has not escaped after so many iterations counts as inside.
    pub max_iterations: u32,
}

impl View {
    /// The whole set, `pixels_wide` by three quarters of that.
    #[must_use]
    pub fn whole_set(pixels_wide: u16, max_iterations: u32) -> Self {
        let pixels_high = pixels_wide - pixels_wide / 4;
        Self {
            center_re: -0.75,
            center_im: 0.0,
            width: 3.2,
            pixels_wide,
            pixels_high,
            max_iterations,
        }
    }

    /// The pixels of some rows, counted from the top: three bytes each, rows one after the other.
    ///
    /// # Panics
    ///
    /// If `rows` ends below the picture.
    #[must_use]
    pub fn render_rows(&self, rows: Range<u64>) -> Vec<u8> {
        let wide = u64::from(self.pixels_wide);
        self.render_pixels(rows.start.saturating_mul(wide)..rows.end.saturating_mul(wide))
    }

    /// The pixels of `range`, counted row by row from the top left: a finer unit than the row, for
    /// when one row is too long a chunk.
    ///
    /// # Panics
    ///
    /// If `range` ends below the picture.
    #[must_use]
    pub fn render_pixels(&self, range: Range<u64>) -> Vec<u8> {
        assert!(
            range.end <= self.pixels(),
            "{range:?} ends below the {} pixels",
            self.pixels()
        );
        range.flat_map(|pixel| self.color(pixel)).collect()
    }

    /// How many pixels the picture has.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        u64::from(self.pixels_wide) * u64::from(self.pixels_high)
    }

    fn color(&self, pixel: u64) -> [u8; PIXEL_BYTES] {
        let (re, im) = self.point(pixel);
        match escape(re, im, self.max_iterations) {
            None => [0, 0, 0],
            Some(escape) => palette_color(escape.smooth_iterations()),
        }
    }

    /// The middle of a pixel in the complex plane. Rows are counted from the middle row, so that a
    /// picture centred on the real axis is its own mirror image to the last bit.
    fn point(&self, pixel: u64) -> (f64, f64) {
        let (wide, high) = (f64::from(self.pixels_wide), f64::from(self.pixels_high));
        let column = (pixel % u64::from(self.pixels_wide)) as f64;
        let row = (pixel / u64::from(self.pixels_wide)) as f64;
        let step = self.width / wide;
        let right = column - (wide - 1.0) / 2.0;
        let down = row - (high - 1.0) / 2.0;
        (self.center_re + right * step, self.center_im - down * step)
    }
}

/// Writes a whole picture of `view`, as drawn by [`View::render_rows`], as a PNG file.
///
/// # Errors
///
/// [`PngError::WrongLength`] when `pixels` is not the whole picture, [`PngError::Encoding`] when
/// the format cannot hold it (a side of 0 pixels) or the writer fails.
pub fn write_png(view: &View, pixels: &[u8], writer: impl io::Write) -> Result<(), PngError> {
    let expected = view.pixels() * PIXEL_BYTES as u64;
    if pixels.len() as u64 != expected {
        return Err(PngError::WrongLength {
            expected,
            actual: pixels.len() as u64,
        });
    }
    let (wide, high) = (view.pixels_wide.into(), view.pixels_high.into());
    let mut encoder = png::Encoder::new(writer, wide, high);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut picture = encoder.write_header()?;
    picture.write_image_data(pixels)?;
    picture.finish()?;
    Ok(())
}

/// Why a picture could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PngError {
    /// The bytes are not the whole picture.
    #[error("the picture needs {expected} bytes and has {actual}: render all of its rows")]
    WrongLength {
        /// Three bytes for each pixel of the view.
        expected: u64,
        /// The bytes given.
        actual: u64,
    },
    /// The encoder or the writer below it refused.
    #[error("cannot encode the picture as PNG")]
    Encoding(#[from] png::EncodingError),
}

/// Where a point was when it was seen to escape.
struct Escape {
    iterations: u32,
    /// The squared distance from the origin, above [`ESCAPE_NORM`].
    norm: f64,
}

/// Iterates z -> z^2 + c from z = 0; none if z has not escaped after `max_iterations`.
fn escape(c_re: f64, c_im: f64, max_iterations: u32) -> Option<Escape> {
    let (mut re, mut im) = (0.0, 0.0);
    for iterations in 1..=max_iterations {
        let next_re = re * re - im * im + c_re;
        im = 2.0 * re * im + c_im;
        re = next_re;
        let norm = re * re + im * im;
        if norm > ESCAPE_NORM {
            return Some(Escape { iterations, norm });
        }
    }
    None
}

impl Escape {
    /// The iterations with a fraction that grows evenly from one escape to the next:
    /// n + 1 - log2(log2(norm) / 16), as log2(norm) doubles from 16 to 32 in one iteration.
    fn smooth_iterations(&self) -> f64 {
        let doubled = (approximate_log2(self.norm) / 16.0).clamp(1.0, 2.0);
        // log2 between 1 and 2 to within 0.01, exact at both ends.
        let fraction = (doubled - 1.0) * (5.0 - doubled) / 3.0;
        f64::from(self.iterations) + 1.0 - fraction
    }
}

/// The binary exponent, and the mantissa as its fraction: within 0.09 of the logarithm, continuous,
/// and made of nothing that differs between machines.
fn approximate_log2(positive: f64) -> f64 {
    const UNITS_PER_EXPONENT: f64 = (1_u64 << 52) as f64;
    const EXPONENT_BIAS: f64 = 1023.0;
    positive.to_bits() as f64 / UNITS_PER_EXPONENT - EXPONENT_BIAS
}

/// The colour for an escape after `iterations`: quick changes far outside, slow ones near the set.
fn palette_color(iterations: f64) -> [u8; PIXEL_BYTES] {
    const STEPS_BETWEEN_COLORS: u32 = 256;
    const COLORS_PER_ROOT: f64 = 0.9;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 0, below 2^26, and a float converts saturating"
    )]
    let position = (iterations.sqrt() * COLORS_PER_ROOT * f64::from(STEPS_BETWEEN_COLORS)) as u32;
    let (index, step) = (
        position / STEPS_BETWEEN_COLORS,
        position % STEPS_BETWEEN_COLORS,
    );
    let from = PALETTE[index as usize % PALETTE.len()];
    let to = PALETTE[(index as usize + 1) % PALETTE.len()];
    std::array::from_fn(|channel| {
        let (from, to) = (u32::from(from[channel]), u32::from(to[channel]));
        let mixed = from * (STEPS_BETWEEN_COLORS - step) + to * step;
        u8::try_from(mixed / STEPS_BETWEEN_COLORS).unwrap_or(u8::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INSIDE: [u8; PIXEL_BYTES] = [0, 0, 0];

    fn small_view() -> View {
        View {
            pixels_wide: 48,
            pixels_high: 31,
            ..View::whole_set(48, 200)
        }
    }

    fn render(view: &View) -> Vec<u8> {
        view.render_rows(0..view.pixels_high.into())
    }

    fn count_inside(view: &View) -> usize {
        render(view)
            .chunks_exact(PIXEL_BYTES)
            .filter(|&pixel| pixel == INSIDE)
            .count()
    }

    #[track_caller]
    fn check(re: f64, im: f64, expected_iterations: Option<u32>) {
        let iterations = escape(re, im, 1000).map(|escape| escape.iterations);
        assert_eq!(iterations, expected_iterations, "at {re} + {im} i");
    }

    #[test]
    fn points_of_known_fate() {
        check(0.0, 0.0, None);
        check(-1.0, 0.0, None);
        check(-2.0, 0.0, None);
        check(0.25, 0.0, None);
        check(0.0, 1.0, None);
        // 1, 2, 5, 26, 677: the square of 677 is the first above 2^16.
        check(1.0, 0.0, Some(5));
        check(300.0, 0.0, Some(1));
        check(f64::NAN, 0.0, None);
        check(f64::INFINITY, f64::NEG_INFINITY, Some(1));
    }

    #[test]
    fn inside_pixels_cover_the_area_of_the_set() {
        let view = View::whole_set(400, 1000);
        let pixel_side = view.width / f64::from(view.pixels_wide);
        let area = count_inside(&view) as f64 * pixel_side * pixel_side;
        // 1.50659 (Förstemann, 2012), by counting pixels much smaller than these.
        assert!((area - 1.50659).abs() < 0.01, "area {area}");
    }

    #[test]
    fn the_picture_is_its_own_mirror_image() {
        let view = small_view();
        let pixels = render(&view);
        let row_bytes = usize::from(view.pixels_wide) * PIXEL_BYTES;
        let mirrored: Vec<u8> = pixels.rchunks_exact(row_bytes).flatten().copied().collect();
        assert_eq!(pixels, mirrored);
    }

    #[test]
    #[should_panic(expected = "ends below the 1488 pixels")]
    fn a_row_below_the_picture_is_a_bug() {
        let _ = small_view().render_rows(0..32);
    }

    #[test]
    fn the_picture_never_changes() {
        let hash = render(&small_view()).iter().fold(0_u64, |hash, &byte| {
            hash.wrapping_mul(31).wrapping_add(byte.into())
        });
        // Both figures come from a second program, written in Python.
        assert_eq!(
            (hash, count_inside(&small_view())),
            (0x39b9_7313_d8f1_f756, 346)
        );
    }

    #[test]
    fn a_png_holds_the_pixels() {
        let view = small_view();
        let pixels = render(&view);
        let mut file = Vec::new();
        write_png(&view, &pixels, &mut file).unwrap();
        let mut reader = png::Decoder::new(io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut decoded = vec![0; reader.output_buffer_size().unwrap()];
        let picture = reader.next_frame(&mut decoded).unwrap();
        assert_eq!((picture.width, picture.height), (48, 31));
        assert_eq!(decoded, pixels);
    }

    #[test]
    fn a_picture_that_cannot_be_written_says_why() {
        let view = small_view();
        let refused = write_png(&view, &[0; 5], io::sink())
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            "the picture needs 4464 bytes and has 5: render all of its rows"
        );
        let empty = View {
            pixels_wide: 0,
            ..small_view()
        };
        let refused = write_png(&empty, &render(&empty), io::sink()).unwrap_err();
        assert!(matches!(refused, PngError::Encoding(_)), "{refused:?}");
    }

    #[test]
    fn the_smooth_count_falls_as_points_get_farther_out() {
        let smooth = |re| escape(re, 0.0, 1000).unwrap().smooth_iterations();
        let counts: Vec<f64> = (0..1000)
            .map(|step| smooth(0.3 + f64::from(step) / 500.0))
            .collect();
        assert!(counts.is_sorted_by(|near, far| near > far));
    }

    proptest! {
        #[test]
        fn parts_make_the_same_picture(cut_row in 0_u64..=31, cut_pixel in 0_u64..=48 * 31) {
            let view = small_view();
            let whole = render(&view);
            let rows = [view.render_rows(0..cut_row), view.render_rows(cut_row..31)];
            prop_assert_eq!(&rows.concat(), &whole);
            let rest = cut_pixel..view.pixels();
            let pixels = [view.render_pixels(0..cut_pixel), view.render_pixels(rest)];
            prop_assert_eq!(&pixels.concat(), &whole);
        }
    }
}
