// 8-bit products: every instruction set gives the bits of plain integer sums followed by the float32
// steps of docs/integer-arithmetic.md, at sizes around the tiles and at the ends of the ranges.
#include <algorithm>
#include <limits>
#include <stdexcept>

#include "kernel_cases.h"
#include "kernels/int8/pack.h"

using namespace featherweight::kernels;

namespace {

struct Problem8 {
  int rows, channels, taps, depth, top;
  Columns columns;
  std::vector<std::int8_t> weights;
  std::vector<Int8x4> data;
  std::vector<std::int32_t> offsets;
  std::vector<float> w_scale, scale, bias, residual;
  Quantization x;
  Epilogue epilogue;
  int wanted = 0;
  std::ptrdiff_t panel_stride = 0;  // of X, where each panel of four rows has its own

  Problem8(int rows_, int channels_, int taps_, const Columns& columns_, int top_, bool is_extreme,
           Activation activation, std::mt19937& random)
      : rows(rows_), channels(channels_), taps(taps_), depth((channels_ + 3) / 4 * taps_), top(top_),
        columns(columns_) {
    std::normal_distribution<float> normal;
    const auto whole = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    for (int i = 0; i < rows * channels * taps; ++i) {
      const int gaussian = std::min(127, std::max(-128, static_cast<int>(36 * normal(random))));
      weights.push_back(static_cast<std::int8_t>(is_extreme ? (i % 3 ? 127 : -128) : gaussian));
    }
    for (int d = 0; d < depth; ++d) offsets.push_back((depth - 1 - d) * 5);
    data.resize(static_cast<std::size_t>((depth - 1) * 5 + columns.count));
    for (Int8x4& element : data) {
      for (int c = 0; c < 4; ++c) element = element << 8 | static_cast<Int8x4>(is_extreme ? top : whole(0, top));
    }
    x = {0.037f, whole(0, top), top};
    for (int column = 0; column < columns.count; ++column) wanted += columns.wanted(column);
    for (int row = 0; row < rows; ++row) {
      w_scale.push_back(std::abs(normal(random)) / 100);
      scale.push_back(normal(random));
      bias.push_back(normal(random));
    }
    residual.resize(static_cast<std::size_t>(rows) * wanted);
    for (float& r : residual) r = normal(random);
    epilogue = {scale.data(), bias.data(), residual.data(), nullptr, {activation, -0.5f, 1.5f}};
  }

  int weight(int row, int channel, int tap) const {
    return channel < channels ? weights[(row * channels + channel) * taps + tap] : 0;
  }
  float finished(std::int64_t sum, int row, float rest) const {
    float y = std::fma(static_cast<float>(sum) * (w_scale[row] * x.scale), scale[row], bias[row]) + rest;
    if (epilogue.ending.activation == Activation::clip) y = std::min(1.5f, std::max(-0.5f, y));
    if (epilogue.ending.activation == Activation::hard_swish) {
      y *= std::min(1.0f, std::max(0.0f, std::fma(y, 1.0f / 6.0f, 0.5f)));
    }
    return y;
  }
  std::vector<float> expected() const {
    std::vector<float> y(residual.size());
    for (int row = 0; row < rows; ++row) {
      for (int column = 0; column < columns.count; ++column) {
        if (!columns.wanted(column)) continue;
        std::int64_t sum = 0;
        for (int d = 0; d < depth; ++d) {
          for (int c = 0; c < 4; ++c) {
            const int q = data[offsets[d] + column] >> (8 * c) & 255;
            sum += weight(row, d / taps * 4 + c, d % taps) * (q - x.zero_point);
          }
        }
        const std::size_t at = static_cast<std::size_t>(row) * wanted + columns.stored(column);
        y[at] = finished(sum, row, residual[at]);
      }
    }
    return y;
  }
  Product product(float* y, int row = 0) const {
    Product p;
    p.rows = rows;
    p.depth = depth;
    p.x = {data.data() + row / 4 * panel_stride, offsets.data(), x.scale, x.zero_point};
    p.columns = columns;
    p.y = y;
    p.y_stride = wanted;
    p.epilogue = epilogue;
    return p;
  }
};

struct Scratch {
  std::vector<unsigned char> memory;
  explicit Scratch(const Matrix& matrix) : memory(matrix.scratch_bytes() + 64) {}
  void* get() { return memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64); }
};

std::uint32_t byte_of(float y, const Quantization& q) {
  const double steps = std::nearbyint(static_cast<double>(y / q.scale)) + q.zero_point;
  return static_cast<std::uint32_t>(std::min<double>(q.top, std::max(0.0, steps)));
}

// Elements of the next product: a gap of two after each group of columns.
void check_quantized(const Int8Matrix& matrix, const Problem8& problem, const std::vector<float>& y) {
  Scratch scratch(matrix);
  const int pitch = problem.columns.width + 2;
  const int groups = (problem.columns.count + problem.columns.pitch - 1) / problem.columns.pitch;
  QuantizedOutput output;
  output.stride = static_cast<std::ptrdiff_t>(pitch) * groups;
  output.row_pitch = pitch;
  output.quantization = {0.021f, 100, 255};
  std::vector<Int8x4> elements(static_cast<std::size_t>(output.stride * ((problem.rows + 3) / 4)), 7u);
  output.data = elements.data();
  for (const bool both : {false, true}) {
    std::vector<float> floats(y.size(), NAN);
    for (int row = 0; row < problem.rows; row += matrix.row_tile()) {
      matrix.multiply_quantized(problem.product(both ? floats.data() : nullptr, row), output,
                                {row, std::min(problem.rows, row + matrix.row_tile())}, {0, problem.columns.count},
                                scratch.get());
    }
    CHECK(!both || floats == y);
  }
  for (int row = 0; row < (problem.rows + 3) / 4 * 4; ++row) {
    for (int column = 0; column < problem.columns.count; ++column) {
      if (!problem.columns.wanted(column)) continue;
      const std::size_t at = static_cast<std::size_t>(row) * problem.wanted + problem.columns.stored(column);
      const std::uint32_t want = row < problem.rows ? byte_of(y[at], output.quantization) : 100u;
      const Int8x4 element = elements[row / 4 * output.stride + column / problem.columns.pitch * pitch +
                                      column % problem.columns.pitch];
      CHECK((element >> (row % 4 * 8) & 255u) == want);
    }
  }
  for (int gap = problem.columns.width; gap < output.stride; gap += pitch) CHECK(elements[gap] == 7u);
}

void check_vector(const Problem8& problem, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<std::size_t>(problem.channels)), y(static_cast<std::size_t>(problem.rows));
  for (float& value : x) value = normal(random);
  Int8Options options;
  options.activation_bits = problem.top == 127 ? 7 : 8;
  const auto matrix = make_int8(problem.weights.data(), problem.w_scale.data(), problem.rows, problem.channels,
                                1, options);
  Scratch scratch(*matrix);
  matrix->multiply_vector(x.data(), y.data(), problem.epilogue, {0, problem.rows}, scratch.get());
  Problem8 copy = problem;
  copy.x = measure_quantization(x.data(), x.size(), problem.top);
  for (int row = 0; row < problem.rows; ++row) {
    std::int64_t sum = 0;
    for (int c = 0; c < problem.channels; ++c) {
      sum += problem.weight(row, c, 0) * (static_cast<int>(byte_of(x[c], copy.x)) - copy.x.zero_point);
    }
    CHECK(y[row] == copy.finished(sum, row, problem.residual[row]));
  }
}

void check(const Problem8& problem, std::mt19937& random) {
  const std::vector<float> expected = problem.expected();
  Int8Options options;
  options.activation_bits = problem.top == 127 ? 7 : 8;
  const auto matrix = make_int8(problem.weights.data(), problem.w_scale.data(), problem.rows, problem.channels,
                                problem.taps, options);
  CHECK(matrix->elements() == Elements::int8x4);
  Scratch scratch(*matrix);
  std::vector<float> whole(expected.size(), NAN), cut = whole;
  matrix->multiply(problem.product(whole.data()), {0, problem.rows}, {0, problem.columns.count}, scratch.get());
  CHECK(whole == expected);
  const Product product = problem.product(cut.data());
  for (int row = 0; row < problem.rows; row += matrix->row_tile()) {
    for (int column = 0; column < problem.columns.count; column += matrix->column_tile()) {
      matrix->multiply(product, {row, std::min(problem.rows, row + matrix->row_tile())},
                       {column, std::min(problem.columns.count, column + matrix->column_tile())}, scratch.get());
    }
  }
  CHECK(cut == expected);
  check_quantized(*matrix, problem, expected);
  if (problem.taps == 1 && problem.columns.count == 1) check_vector(problem, random);
}

// Filters of one channel each are a matrix whose other weights are zeros: the sums are the same.
struct ChannelProblem : Problem8 {
  std::vector<std::int8_t> filters;

  ChannelProblem(int channels, int taps, const Columns& columns, int top, bool is_extreme, Activation activation,
                 std::mt19937& random)
      : Problem8(channels, channels, taps, columns, top, is_extreme, activation, random) {
    panel_stride = (taps - 1) * 5;
    for (int channel = 0; channel < channels; ++channel) {
      for (int other = 0; other < channels; ++other) {
        for (int tap = 0; tap < taps; ++tap) {
          std::int8_t& w = weights[static_cast<std::size_t>((channel * channels + other) * taps + tap)];
          if (other == channel) filters.push_back(w);
          else w = 0;
        }
      }
    }
    for (int d = 0; d < depth; ++d) offsets[d] = static_cast<std::int32_t>(d / taps * panel_stride + (taps - 1 - d % taps) * 5);
  }
};

void check_filters(ChannelProblem problem) {
  const std::vector<float> expected = problem.expected();
  problem.depth = problem.taps;
  const auto matrix = make_int8_depthwise(problem.filters.data(), problem.w_scale.data(), problem.rows, problem.taps);
  CHECK(matrix->elements() == Elements::int8x4);
  std::vector<float> whole(expected.size(), NAN), cut = whole;
  for (int row = 0; row < problem.rows; row += matrix->row_tile()) {
    const Range rows{row, std::min(problem.rows, row + matrix->row_tile())};
    matrix->multiply(problem.product(whole.data(), row), rows, {0, problem.columns.count}, nullptr);
    const Product product = problem.product(cut.data(), row);
    for (int column = 0; column < problem.columns.count; column += matrix->column_tile()) {
      matrix->multiply(product, rows, {column, std::min(problem.columns.count, column + matrix->column_tile())}, nullptr);
    }
  }
  CHECK(whole == expected && cut == expected);
  check_quantized(*matrix, problem, expected);
  CHECK_THROWS(matrix->multiply_vector(nullptr, nullptr, {}, {0, 1}, nullptr), std::logic_error);
}

void test_filters() {
  std::mt19937 random(11);
  for (const int channels : {1, 4, 6, 19}) {
    for (const int taps : {1, 3, 9, 25}) {
      for (const Columns& columns : {Columns{1, 1, 1}, Columns{16, 16, 16}, Columns{61, 9, 7}, Columns{97, 34, 29}}) {
        for (const int top : {127, 255}) {
          const auto activation = static_cast<Activation>((channels + taps + columns.count) % 3);
          check_filters(ChannelProblem(channels, taps, columns, top, false, activation, random));
          check_filters(ChannelProblem(channels, taps, columns, top, true, Activation::none, random));
        }
      }
    }
  }
}

void test_products() {
  std::mt19937 random(8);
  for (const int rows : {1, 4, 5, 8, 9, 17}) {
    for (const int channels : {1, 3, 4, 18, 65}) {
      for (const int taps : {1, 9}) {
        for (const Columns& columns : {Columns{1, 1, 1}, Columns{7, 7, 7}, Columns{16, 16, 16}, Columns{33, 33, 33},
                                       Columns{61, 9, 7}, Columns{97, 34, 29}}) {
          for (const int top : {127, 255}) {
            const auto activation = static_cast<Activation>((rows + channels + columns.count) % 3);
            check(Problem8(rows, channels, taps, columns, top, false, activation, random), random);
            check(Problem8(rows, channels, taps, columns, top, true, Activation::none, random), random);
          }
        }
      }
    }
  }
}

// Ties, the ends, and what is no number; the scalar functions are the specification.
void test_quantize() {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  const float inf = std::numeric_limits<float>::infinity();
  for (const float scale : {1.0f, 0.1f, 0.0123f, 3e-38f, 2e38f, 1e-31f}) {
    for (const int top : {127, 255}) {
      const Quantization q{scale, top / 3, top};
      std::vector<float> x{0.0f, -0.0f, inf, -inf, NAN, 1e-45f, 3e38f, -3e38f};
      for (int i = -200; i < 300; ++i) {
        const float tie = (static_cast<float>(i) + 0.5f) * scale;
        for (const float value : {tie, std::nextafter(tie, inf), std::nextafter(tie, -inf)}) x.push_back(value);
      }
      while (x.size() < 4093) x.push_back(normal(random) * 100 * scale);
      const int count = static_cast<int>(x.size()) / 4;
      const float* const channels[4] = {x.data(), x.data() + count, nullptr, x.data() + 3 * count};
      std::vector<Int8x4> elements(static_cast<std::size_t>(count)), want(elements.size());
      quantize_channels(channels, count, q, elements.data());
      kInt8Scalar.quantize_channels(channels, count, q, want.data());
      CHECK(elements == want);
      std::vector<std::uint8_t> bytes(x.size()), plain(x.size());
      active_kernels().int8.quantize_vector(x.data(), static_cast<int>(x.size()), q, bytes.data());
      kInt8Scalar.quantize_vector(x.data(), static_cast<int>(x.size()), q, plain.data());
      CHECK(bytes == plain);
      for (std::size_t i = 8; i < x.size(); ++i) CHECK(plain[i] == byte_of(x[i], q));
    }
  }
}

void test_range() {
  std::mt19937 random(10);
  std::normal_distribution<float> normal;
  for (const int count : {0, 1, 31, 64, 65, 1000}) {
    std::vector<float> x(static_cast<std::size_t>(count));
    for (float& value : x) value = normal(random);
    const Quantization q = measure_quantization(x.data(), x.size());
    x.push_back(0.0f);
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    const Quantization want = quantization_of(*low, *high);
    CHECK(q.scale == want.scale && q.zero_point == want.zero_point);
  }
  CHECK(quantization_of(0.0f, 0.0f).scale == 1.0f);
  CHECK(quantization_of(-1.0f, 1.55f).zero_point == 100);
  CHECK(zero_element({1.0f, 3, 255}) == 0x03030303u);
}

// Each step once, its weights with it; what is added in 16 bits fits them, and what is widened does not.
void test_order_of_steps() {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  constexpr int kRows = 4;
  for (const int top : {127, 255}) {
    for (const int depth : {1, 2, 7, 64, 301}) {
      std::vector<std::int8_t> panel(static_cast<std::size_t>(depth) * kRows * 4);
      for (auto& w : panel) w = static_cast<std::int8_t>(std::min(127.0f, std::max(-128.0f, 40 * normal(random))));
      const std::vector<std::int8_t> before = panel;
      std::vector<std::uint16_t> order(static_cast<std::size_t>(depth));
      const Steps steps = order_steps(panel.data(), depth, kRows, top, order.data());
      std::vector<int> seen(static_cast<std::size_t>(depth));
      for (int i = 0; i < depth; ++i) {
        ++seen[order[i]];
        CHECK(std::equal(&panel[i * 16], &panel[i * 16] + 16, &before[order[i] * 16]));
      }
      CHECK(std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; }));
      // The furthest that `count` steps from `first` can take any sum of 16 bits.
      const auto fits = [&](int first, int count) {
        for (int lane = 0; lane < 2 * kRows; ++lane) {
          int high = 0, low = 0;
          for (int i = first; i < first + count; ++i) {
            for (const int w : {panel[i * 16 + 2 * lane], panel[i * 16 + 2 * lane + 1]}) (w > 0 ? high : low) += w * top;
          }
          if (high > 32767 || low < -32768) return false;
        }
        return true;
      };
      for (int pair = 0; pair < steps.pairs; ++pair) CHECK(fits(2 * pair, 2));
      for (int i = 2 * steps.pairs; i < 2 * steps.pairs + steps.singles; ++i) CHECK(fits(i, 1));
      CHECK(top != 127 || 2 * steps.pairs + steps.singles == depth);
      for (int i = 2 * steps.pairs + steps.singles; i < depth; ++i) CHECK(!fits(i, 1));
    }
  }
}

void test_limits() {
  std::vector<std::int8_t> weights(65793, -128);
  const float scale = 1.0f;
  CHECK_THROWS(make_int8(weights.data(), &scale, 1, 65794, 1), std::invalid_argument);
  CHECK_THROWS(make_int8(weights.data(), &scale, 1, 1, 65537), std::invalid_argument);
  const auto matrix = make_int8(weights.data(), &scale, 1, 65793, 1);  // the longest row fits
  Scratch scratch(*matrix);
  const std::vector<float> x(weights.size(), 1.0f);
  float y = 0.0f;
  matrix->multiply_vector(x.data(), &y, {}, {0, 1}, scratch.get());
  CHECK(y == static_cast<float>(-128ll * 255 * 65793) * (1.0f / 255));
}

}  // namespace

int main() {
  test_order_of_steps();
  for (const InstructionSet set : available()) {
    choose(set);
    std::printf("%s\n", name_of(set));
    test_products();
    test_filters();
    test_quantize();
    test_range();
    test_limits();
  }
}
