#include "kernels/matrix.h"

namespace featherweight::kernels {

Matrix::~Matrix() = default;  // here, so that no file of another instruction set emits it

}  // namespace featherweight::kernels
