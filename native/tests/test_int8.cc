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
    if (epilogue.ending.activation == Activation::clip) y = y < -0.5f ? -0.5f : y > 1.5f ? 1.5f : y;
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

bool is_same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// Elements of the next product: a gap of two after each group of columns.
void check_quantized(const Int8Matrix& matrix, const Problem8& problem, const std::vector<float>& y,
                     const Quantization& quantization = {0.021f, 100, 255}) {
  Scratch scratch(matrix);
  const int pitch = problem.columns.width + 2;
  const int groups = (problem.columns.count + problem.columns.pitch - 1) / problem.columns.pitch;
  QuantizedOutput output;
  output.stride = static_cast<std::ptrdiff_t>(pitch) * groups;
  output.row_pitch = pitch;
  output.quantization = quantization;
  for (const bool both : {false, true}) {
    std::vector<Int8x4> elements(static_cast<std::size_t>(output.stride * ((problem.rows + 3) / 4)), 7u);
    std::vector<float> floats(y.size(), NAN);
    output.data = elements.data();
    for (int row = 0; row < problem.rows; row += matrix.row_tile()) {
      matrix.multiply_quantized(problem.product(both ? floats.data() : nullptr, row), output,
                                {row, std::min(problem.rows, row + matrix.row_tile())}, {0, problem.columns.count},
                                scratch.get());
    }
    CHECK(!both || std::equal(y.begin(), y.end(), floats.begin(), is_same));
    for (int row = 0; row < (problem.rows + 3) / 4 * 4; ++row) {
      for (int column = 0; column < problem.columns.count; ++column) {
        if (!problem.columns.wanted(column)) continue;
        const std::size_t at = static_cast<std::size_t>(row) * problem.wanted + problem.columns.stored(column);
        const std::uint32_t want = byte_of(row < problem.rows ? y[at] : 0.0f, quantization);
        const Int8x4 element = elements[row / 4 * output.stride + column / problem.columns.pitch * pitch +
                                        column % problem.columns.pitch];
        CHECK((element >> (row % 4 * 8) & 255u) == want);
      }
    }
    for (int gap = problem.columns.width; gap < output.stride; gap += pitch) CHECK(elements[gap] == 7u);
  }
}

// Bytes alone are stored in another way where nothing is added to them.
Problem8 without_residual(Problem8 problem) {
  std::fill(problem.residual.begin(), problem.residual.end(), 0.0f);
  problem.epilogue.residual = nullptr;
  return problem;
}

void check_vector(const Problem8& problem, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<std::size_t>(problem.channels)), y(static_cast<std::size_t>(problem.rows));
  for (float& value : x) value = normal(random);
  Int8Options options;
  options.activation_bits = problem.top == 127 ? 7 : 8;
  options.by_vectors = true;
  const auto matrix = make_int8(problem.weights.data(), problem.w_scale.data(), problem.rows, problem.channels,
                                1, options);
  CHECK_THROWS(matrix->multiply({}, {0, 1}, {0, 1}, nullptr), std::logic_error);
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
  const Problem8 bare = without_residual(problem);
  check_quantized(*matrix, bare, bare.expected());
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
  const std::vector<float> expected = problem.expected(), bare = without_residual(problem).expected();
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
  check_quantized(*matrix, without_residual(problem), bare);
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

// Each step once, its weights with it; what is added in 16 bits fits them, and only what does not is centred.
void test_order_of_steps() {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  constexpr int kRows = 4, kStep = 4 * kRows;
  for (const int top : {127, 255}) {
    for (const int depth : {1, 2, 7, 64, 301}) {
      std::vector<std::int8_t> panel(static_cast<std::size_t>(depth) * kStep);
      for (auto& w : panel) w = static_cast<std::int8_t>(std::min(127.0f, std::max(-128.0f, 40 * normal(random))));
      std::vector<std::uint16_t> order(static_cast<std::size_t>(depth));
      std::vector<std::int8_t> packed{1, 2, 3};
      const Steps steps = order_steps(panel.data(), depth, kRows, top, order.data(), &packed);
      const int in_fours = 4 * steps.fours, in_pairs = in_fours + 2 * steps.pairs, plain = in_pairs + steps.singles;
      const int centred = 2 * steps.centred_pairs + steps.centred_singles;
      CHECK(steps.begin == 3 && plain + centred == depth && (top != 127 || centred == 0));
      CHECK(packed.size() == static_cast<std::size_t>(3 + (plain + 2 * centred) * kStep));
      if (depth == 301) CHECK(top == 127 ? in_fours > depth / 2 : in_pairs > depth / 4);
      std::vector<int> seen(static_cast<std::size_t>(depth));
      for (const int d : order) ++seen[d];
      CHECK(std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; }));
      const auto weight = [&](int i, int k) { return static_cast<int>(panel[order[i] * kStep + k]); };
      std::int32_t missing[kRows] = {};
      for (int i = 0; i < depth; ++i) {
        const int before = i < plain ? i : plain + 2 * (i - plain);
        const std::int8_t* const w = &packed[static_cast<std::size_t>(3 + before * kStep)];
        for (int k = 0; k < kStep; ++k) {
          if (i < plain) CHECK(w[k] == weight(i, k));
          if (i < plain) continue;
          CHECK(static_cast<std::uint8_t>(w[k]) == std::abs(weight(i, k)));
          for (const int x : {0, 1, 127, 128, 255}) {  // as a byte with a sign
            const int turned = static_cast<std::int8_t>(x ^ static_cast<std::uint8_t>(w[kStep + k]));
            CHECK(turned == (weight(i, k) < 0 ? 127 - x : x - 128));
          }
          missing[k / 4] += weight(i, k) * (weight(i, k) < 0 ? 127 : 128);
        }
      }
      CHECK(std::equal(missing, missing + kRows, steps.missing));
      // The furthest that `count` steps from the i-th can take any sum of 16 bits.
      const auto fits = [&](int i, int count, bool is_centred) {
        for (int lane = 0; lane < 2 * kRows; ++lane) {
          int high = 0, low = 0;
          for (int k = 0; k < 2 * count; ++k) {
            const int w = weight(i + k / 2, 2 * lane + k % 2);
            if (is_centred) {
              high += std::abs(w) * 127;
              low -= std::abs(w) * 128;
            } else {
              (w > 0 ? high : low) += w * top;
            }
          }
          if (high > 32767 || low < -32768) return false;
        }
        return true;
      };
      for (int i = 0; i < in_fours; i += 4) CHECK(fits(i, 4, false));
      for (int i = in_fours; i < in_pairs; i += 2) CHECK(fits(i, 2, false));
      for (int i = in_pairs; i < plain; ++i) CHECK(fits(i, 1, false));
      for (int pair = 0; pair < steps.centred_pairs; ++pair) CHECK(fits(plain + 2 * pair, 2, true));
      for (int i = plain; i < depth; ++i) CHECK(fits(i, 1, true) && !fits(i, 1, false));
    }
  }
}

// Four rows of one weight each, times all bytes.
void check_bytes(float step, float bias, float row_scale, Activation activation, std::mt19937& random) {
  Problem8 problem(4, 1, 1, {256, 256, 256}, 255, false, activation, random);
  problem.weights = {1, -1, 127, 3};
  for (int i = 0; i < 256; ++i) problem.data[i] = static_cast<Int8x4>(i);
  problem.x = {0.037f, 100, 255};
  problem.w_scale.assign(4, 0.0173f);
  problem.scale.assign(4, row_scale);
  problem.bias.assign(4, bias);
  const auto matrix = make_int8(problem.weights.data(), problem.w_scale.data(), 4, 1, 1);
  const Problem8 bare = without_residual(problem);
  for (const int top : {127, 255}) check_quantized(*matrix, bare, bare.expected(), {step, top / 3, top});
}

// Sums that are bytes at ties, near them and far away, and constants that are too large or no numbers.
void test_bytes() {
  std::mt19937 random(12);
  const float inf = std::numeric_limits<float>::infinity(), factor = 0.0173f * 0.037f;
  for (const float step : {2 * factor, std::nextafter(2 * factor, inf), 64 * factor, 1e-31f, 2e38f}) {
    for (const float bias : {0.0f, 17.37f * step, -511.5f * step, 600 * step, 3e38f, inf, NAN}) {
      for (const float row_scale : {1.0f, -0.71f, 1e-35f, inf, NAN}) {
        for (const Activation activation : {Activation::none, Activation::clip}) {
          check_bytes(step, bias, row_scale, activation, random);
        }
      }
    }
  }
  // Biases that take one of the sums to a tie, but for what float32 rounds on the way.
  std::uniform_real_distribution<float> steps(40.0f, 64.0f);
  std::uniform_int_distribution<int> bytes(0, 255);
  for (int trial = 0; trial < 1000; ++trial) {
    const float step = steps(random) * factor;
    const double bias = (bytes(random) + 0.5) * step - 127 * (bytes(random) - 100.0) * factor;
    check_bytes(step, static_cast<float>(bias), 1.0f, Activation::none, random);
  }
}

void test_limits() {
  std::vector<std::int8_t> weights(65793, -128);
  const float scale = 1.0f;
  CHECK_THROWS(make_int8(weights.data(), &scale, 1, 65794, 1), std::invalid_argument);
  CHECK_THROWS(make_int8(weights.data(), &scale, 1, 1, 65537), std::invalid_argument);
  Int8Options options;
  options.by_vectors = true;
  CHECK_THROWS(make_int8(weights.data(), &scale, 1, 3, 9, options), std::invalid_argument);
  const auto matrix = make_int8(weights.data(), &scale, 1, 65793, 1, options);  // the longest row fits
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
    test_bytes();
    test_limits();
  }
}
