/* featherweight's runtime for C and for whatever calls C.
 *
 *   fw_session* session;
 *   if (fw_load_file("model.fwt", NULL, &session) != FW_OK) { puts(fw_error_message()); return 1; }
 *   const float* inputs[] = {picture};      // as fw_input describes it
 *   float* outputs[] = {scores};
 *   if (fw_run(session, inputs, outputs) != FW_OK) ...
 *   fw_free(session);
 *
 * A session is for one thread at a time; different sessions are independent. Nothing is allocated
 * after a session is loaded. */
#ifndef FEATHERWEIGHT_H
#define FEATHERWEIGHT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FW_EXPORT __attribute__((visibility("default")))
#else
#define FW_EXPORT
#endif

typedef struct fw_session fw_session;

typedef enum {
  FW_OK = 0,
  FW_ERROR_ARGUMENT = 1,    /* a null pointer, a number out of range */
  FW_ERROR_SYSTEM = 2,      /* the operating system does not open or map the file */
  FW_ERROR_MALFORMED = 3,   /* the bytes are no .fwt file, or a damaged one */
  FW_ERROR_UNSUPPORTED = 4, /* a sound file with something that the runtime cannot run */
  FW_ERROR_MEMORY = 5       /* there is not enough memory */
} fw_status;

typedef enum { FW_PREFER_SPEED = 0, FW_PREFER_MEMORY = 1 } fw_prefer;

/* Zero in a field means its default. */
typedef struct {
  int32_t threads; /* 1 */
  int32_t batch;   /* 1; pictures a run, where the file leaves it open */
  int32_t prefer;  /* fw_prefer: the layout of a layer that is fastest here, or smallest */
  int32_t exact;   /* not 0: no kernel that rounds activations to 8 bits */
  const char* break_even; /* the file that `featherweight calibrate` wrote on this machine */
  uint64_t memory_limit;  /* bytes that activations, and decoded weights, may take; 0: no limit */
} fw_options;

/* What goes in or comes out: float32, row-major. The pointers live as long as the session. */
typedef struct {
  const char* name;
  size_t rank;
  const int64_t* shape;
} fw_port;

typedef struct {
  size_t weights; /* bytes of weights as they are run, with biases and constants */
  size_t arena;   /* bytes of activations and scratch */
  size_t plan;    /* bytes of the list of steps: names, shapes, pointers */
} fw_memory;

/* `options` may be null. On failure `*session` is null and fw_error_message() says why. */
FW_EXPORT fw_status fw_load_file(const char* path, const fw_options* options, fw_session** session);
/* `data` may be freed as soon as this returns. */
FW_EXPORT fw_status fw_load_memory(const void* data, size_t size, const fw_options* options,
                                   fw_session** session);
FW_EXPORT void fw_free(fw_session* session); /* null is fine */

FW_EXPORT size_t fw_input_count(const fw_session* session);
FW_EXPORT size_t fw_output_count(const fw_session* session);
FW_EXPORT fw_status fw_input(const fw_session* session, size_t index, fw_port* port);
FW_EXPORT fw_status fw_output(const fw_session* session, size_t index, fw_port* port);

/* One pointer an input and an output, each to as many floats as its shape says. */
FW_EXPORT fw_status fw_run(fw_session* session, const float* const* inputs, float* const* outputs);

FW_EXPORT fw_status fw_memory_use(const fw_session* session, fw_memory* memory);
/* The file's names of classes; null beyond the last. */
FW_EXPORT const char* fw_class_name(const fw_session* session, size_t index);
/* The network sees (pixel - mean) / deviation, pixels in [0, 1]; how many channels that is given for,
 * 0 if the file does not say. Either pointer may be null. */
FW_EXPORT size_t fw_preprocessing(const fw_session* session, const float** mean, const float** deviation);

/* Of the last call in this thread that failed: one sentence. */
FW_EXPORT const char* fw_error_message(void);

#ifdef __cplusplus
}
#endif
#endif
