#include "core/expect_error.hpp"

#include <darts/parallel/rank_place.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace darts {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

RankPlace place_of(const Variables& variables) {
  return rank_place([&](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

const Variables torchrun{{"RANK", "3"},
                         {"WORLD_SIZE", "8"},
                         {"LOCAL_RANK", "1"},
                         {"LOCAL_WORLD_SIZE", "2"},
                         {"MASTER_ADDR", "n0"},
                         {"MASTER_PORT", "4000"},
                         {"GROUP_RANK", "1"},
                         {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                         {"TORCHELASTIC_RESTART_COUNT", "2"}};

Variables with(Variables variables, const Variables& more) {
  for (const auto& [name, value] : more) {
    variables[name] = value;
  }
  return variables;
}

TEST(RankPlace, IsOneRankWithoutALauncher) {
  EXPECT_TRUE(place_of({}).alone());
  EXPECT_TRUE(place_of({{"WORLD_SIZE", "1"}}).alone());
  EXPECT_TRUE(place_of({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).alone()) << "without MASTER_ADDR";
  // sbatch sets these where there is no srun, too.
  EXPECT_TRUE(place_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}).alone());
}

TEST(RankPlace, ReadsTorchrunsVariables) {
  const RankPlace place = place_of(torchrun);
  EXPECT_EQ(place.rank, 3);
  EXPECT_EQ(place.size, 8);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.local_size, 2);
  EXPECT_EQ(place.host, "n0");
  EXPECT_EQ(place.port, 4000);
  EXPECT_TRUE(place.launcher_hosts);
  EXPECT_EQ(place.attempt, "2");
}

TEST(RankPlace, ReadsThoseOfMpiAndSlurm) {
  const RankPlace open_mpi = place_of({{"OMPI_COMM_WORLD_RANK", "1"},
                                       {"OMPI_COMM_WORLD_SIZE", "2"},
                                       {"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
                                       {"OMPI_COMM_WORLD_LOCAL_SIZE", "1"},
                                       {"MASTER_ADDR", "10.0.0.1"}});
  EXPECT_EQ(open_mpi.rank, 1);
  EXPECT_EQ(open_mpi.local_size, 1);
  EXPECT_EQ(open_mpi.port, 29500);
  EXPECT_FALSE(open_mpi.launcher_hosts);
  const RankPlace mpich = place_of({{"PMI_RANK", "2"},
                                    {"PMI_SIZE", "3"},
                                    {"MPI_LOCALRANKID", "2"},
                                    {"MASTER_ADDR", "localhost"}});
  EXPECT_EQ(mpich.rank, 2);
  EXPECT_EQ(mpich.local_size, 3) << "as many as its local rank tells";
  const RankPlace slurm = place_of({{"SLURM_PROCID", "5"},
                                    {"SLURM_STEP_NUM_TASKS", "8"},
                                    {"SLURM_LOCALID", "1"},
                                    {"SLURM_STEP_TASKS_PER_NODE", "4(x2)"},
                                    {"SLURM_STEP_NODELIST", "n[3-4]"}});
  EXPECT_EQ(slurm.rank, 5);
  EXPECT_EQ(slurm.local_size, 4);
  EXPECT_EQ(slurm.host, "n3");
}

RankPlace place_on(const std::string& nodes) {
  return place_of({{"SLURM_PROCID", "1"},
                   {"SLURM_STEP_NUM_TASKS", "8"},
                   {"SLURM_LOCALID", "0"},
                   {"SLURM_STEP_TASKS_PER_NODE", "1(x8)"},
                   {"SLURM_STEP_NODELIST", nodes}});
}

TEST(RankPlace, MeetsOnTheFirstOfSlurmsNodes) {
  EXPECT_EQ(place_on("gpu[007-009,12],login1").host, "gpu007");
  EXPECT_EQ(place_on("a1,b[2-9]").host, "a1");
  EXPECT_EQ(place_on("rack[3,5]n[10-12]-ib").host, "rack3n10-ib");
}

TEST(RankPlace, MeetsAtAPortOfItsJob) {
  const auto port = [](const Variables& job) {
    return place_of(with({{"PMI_RANK", "0"},
                          {"PMI_SIZE", "2"},
                          {"MPI_LOCALRANKID", "0"},
                          {"MASTER_ADDR", "n0"}},
                         job))
        .port;
  };
  EXPECT_EQ(port({}), 29500);
  const auto of_job = port({{"SLURM_JOB_ID", "123"}, {"SLURM_STEP_ID", "0"}});
  EXPECT_EQ(port({{"SLURM_JOB_ID", "123"}, {"SLURM_STEP_ID", "0"}}), of_job);
  EXPECT_NE(port({{"SLURM_JOB_ID", "123"}, {"SLURM_STEP_ID", "1"}}), of_job);
  EXPECT_NE(port({{"SLURM_JOB_ID", "124"}, {"SLURM_STEP_ID", "0"}}), of_job);
  const auto of_mpi = port({{"PMIX_NAMESPACE", "prterun-host-71@1"}});
  EXPECT_NE(of_mpi, port({{"PMIX_NAMESPACE", "prterun-host-72@1"}}));
  EXPECT_GE(of_mpi, 15000);
  EXPECT_LT(of_mpi, 29000);
  EXPECT_EQ(port({{"SLURM_JOB_ID", "123"}, {"MASTER_PORT", "4000"}}), 4000);
}

TEST(RankPlace, NeedsNoAddressOnASingleMachine) {
  const Variables open_mpi{{"OMPI_COMM_WORLD_RANK", "1"},
                           {"OMPI_COMM_WORLD_SIZE", "2"},
                           {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                           {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
  EXPECT_EQ(place_of(open_mpi).host, "127.0.0.1");
  EXPECT_EQ(place_of(with(open_mpi, {{"MASTER_ADDR", "n0"}})).host, "n0");
  EXPECT_THAT(error_of([&] {
                place_of(with(open_mpi, {{"OMPI_COMM_WORLD_SIZE", "4"}}));
              }),
              HasSubstr("no MASTER_ADDR"));
  const RankPlace slurm = place_of({{"SLURM_PROCID", "1"},
                                    {"SLURM_STEP_NUM_TASKS", "2"},
                                    {"SLURM_LOCALID", "1"},
                                    {"SLURM_STEP_TASKS_PER_NODE", "2"},
                                    {"SLURM_STEP_NODELIST", "n7"}});
  EXPECT_EQ(slurm.host, "127.0.0.1");
}

TEST(RankPlace, SaysWhichVariableMakesNoSense) {
  EXPECT_THAT(error_of([] {
                place_of(with(torchrun, {{"RANK", "8"}}));
              }),
              AllOf(HasSubstr("RANK is '8'"), HasSubstr("from 0 to 7")));
  EXPECT_THAT(error_of([] {
                place_of(with(torchrun, {{"WORLD_SIZE", "many"}}));
              }),
              HasSubstr("WORLD_SIZE is 'many'"));
  EXPECT_THAT(error_of([] {
                place_of(with(torchrun, {{"MASTER_PORT", "70000"}}));
              }),
              HasSubstr("MASTER_PORT is '70000'"));
  EXPECT_THAT(error_of([] { place_of({{"WORLD_SIZE", "2"}}); }), HasSubstr("no RANK"));
  EXPECT_THAT(error_of([] {
                place_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "0"}});
              }),
              AllOf(HasSubstr("no MASTER_ADDR"), HasSubstr("MASTER_PORT")));
}

}  // namespace
}  // namespace darts
