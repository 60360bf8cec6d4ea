// A window that moves over one channel's plane: of depthwise convolutions and of pooling.
#pragma once

namespace featherweight::kernels {

struct PlaneWindow {
  int in_height, in_width, out_height, out_width;
  int kernel_y, kernel_x, stride_y, stride_x, dilation_y, dilation_x;
  int pad_top, pad_left;
};

}  // namespace featherweight::kernels
