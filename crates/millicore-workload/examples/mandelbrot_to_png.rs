//! Draws the Mandelbrot set into a PNG file: `mandelbrot_to_png FILE [PIXELS_WIDE]`.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;

use millicore_workload::mandelbrot::{View, write_png};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("usage: mandelbrot_to_png FILE [PIXELS_WIDE]")?;
    let pixels_wide = arguments.next().map_or(Ok(1200), |pixels| pixels.parse())?;
    let view = View::whole_set(pixels_wide, 1000);
    let pixels = view.render_rows(0..view.pixels_high.into());
    write_png(&view, &pixels, BufWriter::new(File::create(path)?))?;
    Ok(())
}
