#include "optimizer/image/overlay.h"

#include <algorithm>
#include <cmath>

#include "optimizer/image/text.h"

namespace tidegate::optimizer {

using vips::VImage;

namespace {

constexpr double kFontMin = 8;           // pixels; smaller text is drawn at this size and shrunk
constexpr double kShrinkStep = 0.85;     // of the font, until the text fits
constexpr double kTileAngle = -30;       // degrees
constexpr double kTileSpacing = 2.5;     // between lines of tiles, in font sizes
constexpr double kShadowStrength = 0.8;  // of full black, under the middle of a letter

// The space for the text, from the size of the image.
struct Box {
  double font;
  int width;
  int height;
};

Box box_for(const VImage& image, Position position) {
  const double width = image.width();
  const double height = image.height();
  double font = 0.032;
  double share_width = 0.92;
  double share_height = 0.45;
  if (position == Position::center) {
    font = 0.06;
    share_height = 0.8;
  } else if (position == Position::tiled) {
    font = 0.022;
    share_width = 0.4;
    share_height = 0.3;
  }
  return {std::max(kFontMin, std::min(width * font, height * font * 3)),
          std::max(1, static_cast<int>(width * share_width)), std::max(1, static_cast<int>(height * share_height))};
}

VipsAlign align_for(Position position) {
  if (position == Position::top_left || position == Position::bottom_left) return VIPS_ALIGN_LOW;
  if (position == Position::top_right || position == Position::bottom_right) return VIPS_ALIGN_HIGH;
  return VIPS_ALIGN_CENTRE;
}

// RGBA: letters are white; glyphs with their own colours (emoji) keep them. At 72 dpi a point is a pixel.
VImage letters(const std::string& text, double font, int width, Position position) {
  const std::string name = "sans bold " + std::to_string(static_cast<int>(std::lround(font)));
  const std::string markup = "<span foreground=\"white\">" + escape_markup(text) + "</span>";
  return VImage::text(markup.c_str(), VImage::option()
                                          ->set("rgba", true)
                                          ->set("font", name.c_str())
                                          ->set("dpi", 72)
                                          ->set("width", width)
                                          ->set("wrap", VIPS_TEXT_WRAP_WORD_CHAR)
                                          ->set("align", align_for(position)));
}

// Long text wraps, then its font shrinks; at the smallest font the image of the text is scaled down.
VImage fitted_letters(const std::string& text, Box* box, Position position) {
  VImage drawn = letters(text, box->font, box->width, position);
  while (box->font > kFontMin && (drawn.width() > box->width || drawn.height() > box->height)) {
    box->font = std::max(kFontMin, box->font * kShrinkStep);
    drawn = letters(text, box->font, box->width, position);
  }
  const double scale =
      std::min(static_cast<double>(box->width) / drawn.width(), static_cast<double>(box->height) / drawn.height());
  if (scale >= 1) return drawn;
  const int width = std::max(1, static_cast<int>(drawn.width() * scale));
  const int height = std::max(1, static_cast<int>(drawn.height() * scale));
  return drawn.thumbnail_image(width, VImage::option()->set("height", height)->set("size", VIPS_SIZE_FORCE))
      .cast(VIPS_FORMAT_UCHAR);
}

// RGBA: black with the given alpha.
VImage black(const VImage& alpha) {
  return alpha.new_from_image({0, 0, 0})
      .bandjoin(alpha)
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

struct Overlay {
  VImage image;  // RGBA
  int padding;   // for the shadow, on every side of the letters
};

Overlay with_shadow(const VImage& drawn, double font, double opacity) {
  const double blur = std::max(0.6, font * 0.05);
  const int padding = static_cast<int>(std::ceil(blur * 3.5));
  const VImage text = drawn.embed(padding, padding, drawn.width() + 2 * padding, drawn.height() + 2 * padding);
  // The gain before the clip makes the shadow dense at the letters, and zero at the edge of the padding.
  const VImage halo = text[3].gaussblur(blur).linear(2.2, 0).cast(VIPS_FORMAT_UCHAR).linear(kShadowStrength, 0);
  const VImage both = black(halo).composite2(text, VIPS_BLEND_MODE_OVER);
  return {both.linear({1, 1, 1, opacity}, {0, 0, 0, 0}).cast(VIPS_FORMAT_UCHAR).copy_memory(), padding};
}

// Blending adds an alpha band; over an opaque image it is 255 everywhere and is removed again. Over a translucent image
// it rounds down even the colours that nothing is drawn on, so those pixels are taken from the image.
VImage blend(const VImage& image, const VImage& overlay) {
  const VImage both = image.composite2(overlay, VIPS_BLEND_MODE_OVER).cast(VIPS_FORMAT_UCHAR);
  if (!image.has_alpha()) return both.extract_band(0, VImage::option()->set("n", image.bands()));
  return (overlay[3] == 0).ifthenelse(image, both);
}

// Blends only the rectangle under the overlay.
VImage blend_at(const VImage& image, const Overlay& overlay, Position position) {
  const int margin = std::max(1, std::min(image.width(), image.height()) / 40);
  const int room_x = image.width() - (overlay.image.width() - 2 * overlay.padding);
  const int room_y = image.height() - (overlay.image.height() - 2 * overlay.padding);
  const bool left = position == Position::top_left || position == Position::bottom_left;
  const bool top = position == Position::top_left || position == Position::top_right;
  const bool middle = position == Position::center;
  const int text_x = middle ? room_x / 2 : std::clamp(left ? margin : room_x - margin, 0, std::max(0, room_x));
  const int text_y = middle ? room_y / 2 : std::clamp(top ? margin : room_y - margin, 0, std::max(0, room_y));
  const int x = text_x - overlay.padding;
  const int y = text_y - overlay.padding;
  const int x1 = std::max(0, x);
  const int y1 = std::max(0, y);
  const int width = std::min(image.width(), x + overlay.image.width()) - x1;
  const int height = std::min(image.height(), y + overlay.image.height()) - y1;
  const VImage part = overlay.image.extract_area(x1 - x, y1 - y, width, height);
  return image.insert(blend(image.extract_area(x1, y1, width, height), part), x1, y1);
}

// The rotated text runs along a diagonal of its tile, so that a row of tiles forms slanted lines. The empty space above
// and below the text holds as many further copies as fit without touching. `thickness`: the height of the text before
// its rotation.
VImage tile(const VImage& image, const Overlay& overlay, double font, int thickness) {
  const int gap = static_cast<int>(std::lround(font));
  const int width = overlay.image.width() + 2 * gap;
  const int height = overlay.image.height() + 2 * gap;
  const double pitch = (thickness + kTileSpacing * font) / std::cos(kTileAngle * M_PI / 180);
  const int copies = std::max(1, static_cast<int>(height / pitch));
  const VImage one = overlay.image.embed(gap, gap, width, height).copy_memory();
  VImage all = one;
  for (int i = 1; i < copies; ++i) {
    const VImage shifted = one.wrap(VImage::option()->set("x", 0)->set("y", height * i / copies));
    all = all.composite2(shifted, VIPS_BLEND_MODE_OVER).cast(VIPS_FORMAT_UCHAR);
  }
  const VImage wall = all.copy_memory().replicate(image.width() / width + 1, image.height() / height + 1);
  return blend(image, wall.extract_area(0, 0, image.width(), image.height()));
}

}  // namespace

VImage draw_text(const VImage& image, const std::string& text, Position position, double opacity) {
  Box box = box_for(image, position);
  const VImage drawn = fitted_letters(text, &box, position);
  if (position != Position::tiled) return blend_at(image, with_shadow(drawn, box.font, opacity), position);
  const VImage rotated = drawn.rotate(kTileAngle).cast(VIPS_FORMAT_UCHAR).copy_memory();
  return tile(image, with_shadow(rotated, box.font, opacity), box.font, drawn.height());
}

}  // namespace tidegate::optimizer
